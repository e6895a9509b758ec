// Columns of a batch as NumPy arrays or tensors and back, without a copy.
#pragma once

#include <ringfeed/batch.hpp>

#include "bindings.hpp"

namespace ringfeed::python {

/// The columns by name, over the batch's own memory, which they keep: the values of a tensor
/// column, of others (values, offsets), one offset more than samples. `from_dlpack`, unless it is
/// None, makes the values of tensor columns from a DLPack capsule.
nb::dict arrays_of(const Batch& batch, nb::handle from_dlpack = nb::none());

/// The inverse, of (name, kind, values, offsets) each: C-contiguous arrays of a dtype that a column
/// can have, which the batch keeps. Throws Error{kInvalidArgument}.
Batch batch_of(std::int64_t size, const nb::list& columns);

}  // namespace ringfeed::python
