// Splits: parsing and exact shares.
#include "ingest/splits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <ringfeed/error.hpp>
#include <ringfeed/manifest.hpp>

namespace ringfeed {
namespace {

[[noreturn]] void refuse(std::string_view text, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("splits '{}': {}; the form is train=0.8,val=0.2", text, what));
}

/// The `count` places with the largest remainder, the first on a tie.
template <typename T>
std::vector<std::size_t> largest(const std::vector<T>& remainders, std::size_t count) {
  std::vector<std::size_t> places(remainders.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::stable_sort(places.begin(), places.end(), [&](std::size_t left, std::size_t right) {
    return remainders[left] > remainders[right];
  });
  places.resize(count);
  return places;
}

}  // namespace

std::vector<SplitShare> parse_splits(std::string_view text) {
  std::vector<SplitShare> splits;
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) refuse(text, fmt::format("'{}' is not NAME=SHARE", part));
    SplitShare split{std::string(part.substr(0, equals)), 0.0};
    const auto number = part.substr(equals + 1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), split.share);
    if (error != std::errc() || end != number.data() + number.size()) {
      refuse(text, fmt::format("'{}' is not a number", number));
    }
    splits.push_back(std::move(split));
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  check_splits(splits, text);
  return splits;
}

void check_splits(const std::vector<SplitShare>& splits, std::string_view text) {
  constexpr std::size_t kSplitsMax = 1024;
  constexpr double kTolerance = 1e-6;
  if (splits.empty() || splits.size() > kSplitsMax)
    refuse(text, fmt::format("there must be 1 to {} of them", kSplitsMax));
  double sum = 0;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const auto& split = splits[i];
    if (!is_split_name(split.name)) {
      refuse(text, fmt::format("'{}' cannot be a name (1 to 64 letters, digits, '_', '-', '.')",
                               split.name));
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (splits[j].name == split.name) refuse(text, fmt::format("'{}' stands twice", split.name));
    }
    if (!std::isfinite(split.share) || split.share <= 0) {
      refuse(text, fmt::format("the share of '{}' is not above 0", split.name));
    }
    sum += split.share;
  }
  if (std::abs(sum - 1) > kTolerance)
    refuse(text, fmt::format("the shares add up to {:.6g}, not to 1", sum));
}

std::vector<std::uint64_t> apportion(std::uint64_t samples, const std::vector<SplitShare>& splits) {
  double sum = 0;
  for (const auto& split : splits) sum += split.share;
  std::vector<std::uint64_t> counts;
  std::vector<double> remainders;
  std::uint64_t given = 0;
  for (const auto& split : splits) {
    const double quota = static_cast<double>(samples) * (split.share / sum);
    // Rounding of the product may lift it over what is left.
    const auto count = std::min(static_cast<std::uint64_t>(quota), samples - given);
    counts.push_back(count);
    remainders.push_back(quota - static_cast<double>(count));
    given += count;
  }
  while (given < samples) {  // once, but for rounding in numbers beyond 2^53
    const auto more = std::min<std::uint64_t>(samples - given, splits.size());
    for (const auto place : largest(remainders, more)) ++counts[place];
    given += more;
  }
  return counts;
}

std::vector<std::vector<std::uint64_t>> apportion_strata(std::span<const std::uint64_t> occurrences,
                                                         std::span<const std::uint64_t> totals) {
  __extension__ using Wide = unsigned __int128;
  std::vector<std::uint64_t> left(occurrences.begin(), occurrences.end());
  std::uint64_t left_sum = std::accumulate(left.begin(), left.end(), std::uint64_t{0});
  std::vector<std::vector<std::uint64_t>> counts;
  // One split after the other gets its total from what is left, in proportion, by the largest
  // remainder.
  for (const auto total : totals) {
    std::vector<std::uint64_t> row(left.size());
    std::vector<std::uint64_t> remainders(left.size());
    std::uint64_t given = 0;
    for (std::size_t v = 0; v < left.size() && left_sum > 0; ++v) {
      const Wide product = static_cast<Wide>(left[v]) * total;
      row[v] = static_cast<std::uint64_t>(product / left_sum);
      remainders[v] = static_cast<std::uint64_t>(product % left_sum);
      given += row[v];
    }
    // The remainders add up to what is missing, each below 1: so only values with a remainder get
    // one more.
    for (const auto place : largest(remainders, total - given)) ++row[place];
    for (std::size_t v = 0; v < left.size(); ++v) left[v] -= row[v];
    left_sum -= total;
    counts.push_back(std::move(row));
  }
  return counts;
}

}  // namespace ringfeed
