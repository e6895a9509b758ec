// What a read ends with that nobody waits for any more.
#pragma once

#include <exception>
#include <ringfeed/error.hpp>

namespace ringfeed {

/// Error{kCancelled}, of every store alike (~BlockReader).
inline std::exception_ptr reader_closed() {
  return std::make_exception_ptr(Error(ErrorCode::kCancelled, "the reader was closed"));
}

}  // namespace ringfeed
