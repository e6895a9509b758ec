// How many samples each split gets: whole numbers that add up, by the largest remainder.
#pragma once

#include <cstdint>
#include <ringfeed/ingest.hpp>
#include <span>
#include <string>
#include <vector>

namespace ringfeed {

/// Throws Error{kInvalidArgument} unless the names are split names, each once, and the shares above
/// 0 and together 1.
void check_splits(const std::vector<SplitShare>& splits, std::string_view text);

/// `samples` in proportion to the shares; each count is within one of its exact share. Ties go to
/// the first.
std::vector<std::uint64_t> apportion(std::uint64_t samples, const std::vector<SplitShare>& splits);

/// counts[split][value] for values that occur `occurrences[value]` times, so that split k gets
/// `totals[k]` samples (they add up to all occurrences) and of each value its proportion, rounded
/// down or up.
std::vector<std::vector<std::uint64_t>> apportion_strata(std::span<const std::uint64_t> occurrences,
                                                         std::span<const std::uint64_t> totals);

}  // namespace ringfeed
