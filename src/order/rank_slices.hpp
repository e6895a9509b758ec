// shuffle=block: what a rank draws of the steps at the end of an epoch that are too small to be
// shared by lanes (Steps::slices_begin()): a run of the step's samples, whichever lanes they come
// from.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "order/epoch.hpp"

namespace ringfeed {

class RankSlices {
 public:
  /// Of the steps from `start` (the start of a step) on. Opens the windows that they come from.
  RankSlices(const Epoch& epoch, int rank, int world_size, std::uint64_t start);

  /// The first sample of the epoch that is not drawn by lanes: Steps::end() where there is no such
  /// step.
  std::uint64_t begin() const noexcept { return begin_; }
  struct Step {
    std::uint64_t begin;  ///< over all ranks
    std::vector<SampleRef> samples;
  };
  const std::vector<Step>& steps() const noexcept { return steps_; }
  /// Those that the samples are in, each once.
  const std::vector<std::uint32_t>& blocks() const noexcept { return blocks_; }
  bool needs(std::uint32_t block) const { return needed_.contains(block); }

 private:
  std::uint64_t begin_;
  std::vector<Step> steps_;
  std::vector<std::uint32_t> blocks_;
  std::unordered_set<std::uint32_t> needed_;
};

}  // namespace ringfeed
