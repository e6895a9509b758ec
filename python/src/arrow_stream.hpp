// Arrow's C stream interface in its PyCapsules ("arrow_array_stream").
#pragma once

#include <functional>

#include "bindings.hpp"

struct ArrowArrayStream;

namespace ringfeed::python {

/// The stream that `fill` makes. What is not taken out of the capsule is released with it.
nb::capsule make_stream_capsule(const std::function<void(ArrowArrayStream*)>& fill);

/// The stream in a capsule; who takes it over marks it as released. Throws Error{kInvalidArgument}.
ArrowArrayStream* stream_of(const nb::capsule& capsule);

}  // namespace ringfeed::python
