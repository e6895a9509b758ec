// Gloo has no error codes: its messages say which kind of failure it was.
#include "train/torch_error.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

namespace ringfeed {
namespace {

bool names_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

}  // namespace

std::string first_line(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

Error collective_error(int rank, std::string_view what, const std::exception& error) {
  const std::string text = first_line(error);
  if (names_any(text, {"Timed out", "timed out", "timeout"})) {
    return Error(
        ErrorCode::kTimeout,
        fmt::format("rank {}: {} timed out waiting for another rank: {}", rank, what, text));
  }
  if (names_any(text, {"gloo", "onnection", "ocket", "store"})) {
    return Error(
        ErrorCode::kUnavailable,
        fmt::format("rank {}: {} failed, another rank is gone (its own error says why): {}", rank,
                    what, text));
  }
  return Error(ErrorCode::kInternal, fmt::format("rank {}: {} failed: {}", rank, what, text));
}

}  // namespace ringfeed
