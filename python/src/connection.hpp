// The keywords of a connection to Cassandra.
#pragma once

#include <ringfeed/connection.hpp>

#include "bindings.hpp"

namespace ringfeed::python {

/// python/ringfeed/connection.py describes them. Throws Error{kInvalidArgument}.
ConnectionOptions connection_of(const nb::dict& values);

}  // namespace ringfeed::python
