// The units of sizes.
#include "base/byte_size.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <ringfeed/error.hpp>
#include <utility>

namespace ringfeed {
namespace {

constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};

constexpr std::array<std::pair<std::string_view, double>, 14> kFactors = {{
    {"", 1.0},
    {"B", 1.0},
    {"K", 1024.0},
    {"KiB", 1024.0},
    {"KB", 1e3},
    {"M", 1048576.0},
    {"MiB", 1048576.0},
    {"MB", 1e6},
    {"G", 1073741824.0},
    {"GiB", 1073741824.0},
    {"GB", 1e9},
    {"T", 1099511627776.0},
    {"TiB", 1099511627776.0},
    {"TB", 1e12},
}};

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024.0 && unit + 1 < kUnits.size()) {
    value /= 1024.0;
    ++unit;
  }
  if (unit == 0 || value == std::floor(value)) return fmt::format("{:.0f} {}", value, kUnits[unit]);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::uint64_t parse_bytes(std::string_view text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  for (const auto& [name, factor] : kFactors) {
    if (error != std::errc{} || unit != name) continue;
    const double bytes = std::round(value * factor);
    if (bytes < 0 || bytes > 9e18) break;
    return static_cast<std::uint64_t>(bytes);
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("'{}' is not a size; write a number with B, KiB, MiB, GiB, TiB or KB, MB, GB, TB",
                  text));
}

}  // namespace ringfeed
