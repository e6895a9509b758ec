// A data set as the module has it.
#pragma once

#include <ringfeed/dataset.hpp>

#include "bindings.hpp"
#include "local.hpp"

namespace ringfeed::python {

using LocalDataset = Local<const Dataset>;

/// Samples by the name of the split.
nb::dict splits_of(const Manifest& manifest);

}  // namespace ringfeed::python
