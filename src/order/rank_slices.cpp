// Samples are looked for one by one, as a slice has one of each lane at most, or two.
#include "order/rank_slices.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace ringfeed {
namespace {

/// Samples by their number in the epoch. Holds the windows and blocks that it came by.
class SampleFinder {
 public:
  explicit SampleFinder(const Epoch& epoch) : epoch_(epoch) {}

  SampleRef at(std::uint64_t sample) {
    const std::uint32_t lane = epoch_.lane_at(static_cast<std::uint32_t>(sample % epoch_.lanes()));
    const std::uint64_t depth = sample / epoch_.lanes();
    Window& window = windows_[lane];
    if (!window.walk || depth >= window.walk->depth_end()) {
      window.walk.emplace(epoch_, lane, depth);
      window.samples.clear();
      append_window(
          epoch_, *window.walk,
          [this](std::size_t place) -> const std::vector<std::uint32_t>& { return rows_of(place); },
          window.samples);
    }
    return window.samples[depth - window.walk->depth_begin()];
  }

 private:
  struct Window {
    std::optional<LaneWalk> walk;
    std::vector<SampleRef> samples;
  };

  const std::vector<std::uint32_t>& rows_of(std::size_t place) {
    auto& rows = rows_[place];
    if (rows.empty()) epoch_.shuffle_block(epoch_.block(place), rows);
    return rows;
  }

  const Epoch& epoch_;
  std::unordered_map<std::uint32_t, Window> windows_;  ///< by lane
  std::unordered_map<std::size_t, std::vector<std::uint32_t>> rows_;
};

}  // namespace

RankSlices::RankSlices(const Epoch& epoch, int rank, int world_size, std::uint64_t start)
    // A single rank has all lanes, and all slices: the same samples in the same order.
    : begin_(world_size > 1 ? epoch.steps().slices_begin() : epoch.steps().end()) {
  const Steps& steps = epoch.steps();
  SampleFinder finder(epoch);
  for (std::uint64_t step = steps.step_at(std::max(begin_, start)); step < steps.count(); ++step) {
    Step& own = steps_.emplace_back(Step{steps.begin(step), {}});
    const std::uint64_t end = epoch.slice_begin(step, rank + 1, world_size);
    for (std::uint64_t sample = epoch.slice_begin(step, rank, world_size); sample < end; ++sample) {
      const SampleRef ref = finder.at(sample);
      own.samples.push_back(ref);
      if (needed_.insert(ref.block).second) blocks_.push_back(ref.block);
    }
  }
}

}  // namespace ringfeed
