// The translation of Arrow's error codes; errno decides where Arrow kept it.
#include "dataset/arrow_status.hpp"

#include <arrow/util/io_util.h>
#include <fmt/format.h>

#include "base/system_error.hpp"

namespace ringfeed {

void throw_arrow(const arrow::Status& status, std::string_view where, ErrorCode fallback) {
  const int error_number = arrow::internal::ErrnoFromStatus(status);
  if (error_number != 0) throw_system_error(error_number, where);
  ErrorCode code = fallback;
  if (status.IsOutOfMemory() || status.IsCapacityError()) code = ErrorCode::kInternal;
  if (status.IsCancelled()) code = ErrorCode::kCancelled;
  std::string text = status.message();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  throw Error(code, fmt::format("{}: {}", where, text));
}

}  // namespace ringfeed
