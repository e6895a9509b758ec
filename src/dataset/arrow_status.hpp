// Arrow's Status as a ringfeed::Error.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>

#include <ringfeed/error.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// Chooses the code by Arrow's own (out of memory, no space, I/O and so on); `fallback` when the
/// status says only that the data is invalid.
[[noreturn]] void throw_arrow(const arrow::Status& status, std::string_view where,
                              ErrorCode fallback = ErrorCode::kBadData);

inline void check(const arrow::Status& status, std::string_view where) {
  if (!status.ok()) throw_arrow(status, where);
}

template <typename T>
T value_of(arrow::Result<T> result, std::string_view where) {
  if (!result.ok()) throw_arrow(result.status(), where);
  return std::move(result).ValueUnsafe();
}

}  // namespace ringfeed
