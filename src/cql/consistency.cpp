// Names of consistency levels.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ringfeed/connection.hpp>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

/// In the order of the enum.
constexpr std::array<std::string_view, 10> kNames = {
    "ONE",          "TWO",         "THREE",     "QUORUM", "ALL",
    "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE", "SERIAL", "LOCAL_SERIAL"};
/// Those before the serial ones.
constexpr std::size_t kPlainNames = 8;

}  // namespace

std::string_view consistency_name(Consistency consistency) noexcept {
  return kNames[static_cast<std::size_t>(consistency)];
}

Consistency consistency_from_name(std::string_view name) {
  const auto same = [name](std::string_view candidate) {
    return std::equal(
        name.begin(), name.end(), candidate.begin(), candidate.end(),
        [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; });
  };
  for (std::size_t i = 0; i < kPlainNames; ++i) {
    if (same(kNames[i])) return static_cast<Consistency>(i);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no consistency for reads or writes; choose one of {}", name,
                          fmt::join(kNames.begin(), kNames.begin() + kPlainNames, ", ")));
}

}  // namespace ringfeed
