// Edit distance (Levenshtein), over the few names of a command line.
#include "cli/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ringfeed::cli {
namespace {

constexpr std::size_t kWordBytesMax = 64;

std::string_view without_dashes(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of('-'), word.size()));
  return word;
}

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  const auto bare = without_dashes(word);
  if (bare.size() > kWordBytesMax) return "";
  const std::string* best = nullptr;
  std::size_t least = 3;  // two letters may be wrong
  for (const auto& name : names) {
    const std::size_t changes = distance(bare, without_dashes(name));
    if (changes >= least) continue;
    least = changes;
    best = &name;
  }
  return best == nullptr ? "" : fmt::format("; did you mean '{}'?", *best);
}

}  // namespace ringfeed::cli
