// shuffle=block: a rank owns a run of lanes and draws from them in turn, and at the end, where
// steps are small, slices of all lanes. A block that several of its lanes cut, or that a slice
// needs, is held from the first of their windows to the last, so it is read once.
#include <algorithm>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "order/modes.hpp"
#include "order/rank_slices.hpp"

namespace ringfeed {
namespace {

/// The lanes of one rank in the order of their turns.
struct Turn {
  std::uint32_t turn;
  std::uint32_t lane;
};

std::vector<Turn> turns_of(const Epoch& epoch, int rank, int world_size) {
  std::vector<Turn> turns;
  const auto [first, last] = epoch.lanes_of_rank(rank, world_size);
  for (std::uint32_t turn = 0; turn < epoch.lanes(); ++turn) {
    const std::uint32_t lane = epoch.lane_at(turn);
    if (lane >= first && lane < last) turns.push_back({turn, lane});
  }
  return turns;
}

/// How far a lane is when the samples below `start` were drawn.
std::uint64_t depth_at(const Epoch& epoch, std::uint32_t turn, std::uint64_t start) {
  return start / epoch.lanes() + (turn < start % epoch.lanes() ? 1 : 0);
}

class BlockOrder final : public RankOrder {
 public:
  BlockOrder(std::shared_ptr<const Epoch> epoch, int rank, int world_size, std::uint64_t start)
      : epoch_(std::move(epoch)),
        rank_(rank),
        world_size_(world_size),
        slices_(*epoch_, rank, world_size, start),
        rank_lanes_(epoch_->lanes_of_rank(rank, world_size)) {
    for (const auto& [turn, lane] : turns_of(*epoch_, rank, world_size)) {
      const std::uint64_t depth = depth_at(*epoch_, turn, start);
      lanes_.push_back({turn, LaneWalk(*epoch_, lane, depth), depth, {}, 0});
    }
    start_windows_.resize(rank_lanes_.second - rank_lanes_.first);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      start_windows_[lanes_[i].walk.lane() - rank_lanes_.first] = lanes_[i].walk.window();
    }
    if (lanes_.empty()) return;
    row_ = start / epoch_->lanes();
    const auto turn = static_cast<std::uint32_t>(start % epoch_->lanes());
    while (at_ < lanes_.size() && lanes_[at_].turn < turn) ++at_;
    wrap();
  }

  std::uint64_t count(std::uint64_t begin, std::uint64_t end) const override {
    const Steps& steps = epoch_->steps();
    std::uint64_t samples =
        count_below(std::min(end, slices_.begin())) - count_below(std::min(begin, slices_.begin()));
    for (auto step = steps.step_at(std::max(begin, slices_.begin())); steps.begin(step) < end;
         ++step) {
      samples += epoch_->slice_begin(step, rank_ + 1, world_size_) -
                 epoch_->slice_begin(step, rank_, world_size_);
    }
    return samples;
  }

  bool draw(std::uint64_t limit, std::vector<SampleRef>& refs) override {
    if (lanes_.empty()) return true;
    return draw_lanes(std::min(limit, slices_.begin()), refs) &&
           (limit <= slices_.begin() || draw_slices(limit, refs));
  }

  std::span<const std::uint32_t> needed() const override { return needed_; }

  void open() override {
    if (lanes_left_) {
      slices_open_ = true;
      return;
    }
    Lane& lane = lanes_[at_];
    lane.samples.clear();
    append_window(
        *epoch_, lane.walk,
        [this](std::size_t place) -> const std::vector<std::uint32_t>& { return rows_of(place); },
        lane.samples);
    lane.next = lane.depth - lane.walk.depth_begin();
    lane.depth = lane.walk.depth_end();
  }

  void finished(std::vector<std::uint32_t>& blocks) override {
    blocks.insert(blocks.end(), finished_.begin(), finished_.end());
    finished_.clear();
  }

 private:
  struct Lane {
    std::uint32_t turn;
    LaneWalk walk;
    std::uint64_t depth;             ///< of the next sample when its window is opened
    std::vector<SampleRef> samples;  ///< of the open window, mixed
    std::size_t next;                ///< in samples; at their end the window is not open
  };
  /// A block that more than one lane of this rank needs, while one of them is at it.
  struct Shared {
    std::uint32_t lanes_left;
    std::vector<std::uint32_t> rows;
  };

  bool draw_lanes(std::uint64_t limit, std::vector<SampleRef>& refs) {
    while (row_ * epoch_->lanes() + lanes_[at_].turn < limit) {
      Lane& lane = lanes_[at_];
      if (lane.next == lane.samples.size()) {
        collect_needed(lane);
        return false;
      }
      refs.push_back(lane.samples[lane.next]);
      if (++lane.next == lane.samples.size()) close(lane);
      ++at_;
      wrap();
    }
    return true;
  }

  bool draw_slices(std::uint64_t limit, std::vector<SampleRef>& refs) {
    if (!lanes_left_) leave_lanes();
    if (!slices_open_) {
      needed_ = slices_.blocks();
      return false;
    }
    const auto& steps = slices_.steps();
    for (; slice_ < steps.size() && steps[slice_].begin < limit; ++slice_) {
      refs.insert(refs.end(), steps[slice_].samples.begin(), steps[slice_].samples.end());
      if (slice_ + 1 == steps.size())
        finished_.insert(finished_.end(), slices_.blocks().begin(), slices_.blocks().end());
    }
    return true;
  }

  /// Lets go of the blocks of the windows that are still open, where no slice needs them.
  void leave_lanes() {
    lanes_left_ = true;
    for (auto& lane : lanes_) {
      for (std::size_t i = 0; !lane.samples.empty() && i < lane.walk.pieces(); ++i) {
        const std::size_t place = lane.walk.piece(i).place;
        if (!shared_.contains(place)) finish(place);
      }
      lane.samples.clear();
    }
    for (const auto& [place, shared] : shared_) finish(place);
    shared_.clear();
  }

  void finish(std::size_t place) {
    if (const std::uint32_t block = epoch_->block(place); !slices_.needs(block))
      finished_.push_back(block);
  }

  void wrap() {
    if (at_ == lanes_.size()) {
      at_ = 0;
      ++row_;
    }
  }

  std::uint64_t count_below(std::uint64_t sample) const {
    const std::uint64_t whole = sample / epoch_->lanes();
    const auto rest = static_cast<std::uint32_t>(sample % epoch_->lanes());
    const auto in_rest = std::partition_point(lanes_.begin(), lanes_.end(),
                                              [&](const Lane& lane) { return lane.turn < rest; });
    return whole * lanes_.size() + static_cast<std::uint64_t>(in_rest - lanes_.begin());
  }

  void collect_needed(const Lane& lane) {
    needed_.clear();
    for (std::size_t i = 0; i < lane.walk.pieces(); ++i) {
      needed_.push_back(epoch_->block(lane.walk.piece(i).place));
    }
  }

  /// Lanes of this rank whose windows with this block were not behind them at the start.
  std::uint32_t lanes_using(std::size_t place) const {
    auto [first, last] = epoch_->lanes_of(epoch_->start(place), epoch_->start(place + 1));
    first = std::max(first, rank_lanes_.first);
    last = std::min(last, rank_lanes_.second);
    if (last - first == 1) return 1;
    std::uint32_t count = 0;
    for (const auto& lane : lanes_) {
      if (lane.walk.lane() < first || lane.walk.lane() >= last) continue;
      const std::uint64_t start = start_windows_[lane.walk.lane() - rank_lanes_.first];
      if (start <= lane.walk.window_of_place(place)) ++count;
    }
    return count;
  }

  const std::vector<std::uint32_t>& rows_of(std::size_t place) {
    if (const auto found = shared_.find(place); found != shared_.end()) return found->second.rows;
    const std::uint32_t lanes = lanes_using(place);
    std::vector<std::uint32_t>& rows = lanes > 1 ? shared_[place].rows : rows_;
    if (lanes > 1) shared_[place].lanes_left = lanes;
    epoch_->shuffle_block(epoch_->block(place), rows);
    return rows;
  }

  void close(Lane& lane) {
    for (std::size_t i = 0; i < lane.walk.pieces(); ++i) {
      const std::size_t place = lane.walk.piece(i).place;
      if (const auto found = shared_.find(place); found != shared_.end()) {
        if (--found->second.lanes_left > 0) continue;
        shared_.erase(found);
      }
      finish(place);
    }
    lane.walk.advance();
    lane.samples.clear();
    lane.next = 0;
  }

  std::shared_ptr<const Epoch> epoch_;
  int rank_;
  int world_size_;
  RankSlices slices_;
  std::pair<std::uint32_t, std::uint32_t> rank_lanes_;
  std::vector<Lane> lanes_;
  std::vector<std::uint64_t> start_windows_;
  std::uint64_t row_ = 0;  ///< the next sample is number row_ * lanes + lanes_[at_].turn
  std::size_t at_ = 0;
  bool lanes_left_ = false;  ///< what follows are the slices
  bool slices_open_ = false;
  std::size_t slice_ = 0;  ///< the next of slices_.steps()
  std::unordered_map<std::size_t, Shared> shared_;
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> needed_;
  std::vector<std::uint32_t> finished_;
};

class BlockPlan final : public ReadPlan {
 public:
  BlockPlan(std::shared_ptr<const Epoch> epoch, int rank, int world_size, std::uint64_t start)
      : epoch_(std::move(epoch)),
        slices_(*epoch_, rank, world_size, start),
        rank_lanes_(epoch_->lanes_of_rank(rank, world_size)) {
    for (const auto& [turn, lane] : turns_of(*epoch_, rank, world_size)) {
      const std::uint64_t depth = depth_at(*epoch_, turn, start);
      push({depth * epoch_->lanes() + turn, turn, LaneWalk(*epoch_, lane, depth)});
    }
  }

  std::optional<std::uint32_t> next() override {
    while (true) {
      if (piece_ < window_blocks_.size()) return window_blocks_[piece_++];
      if (windows_.empty()) return next_of_slices();
      Window window = windows_.top();
      windows_.pop();
      collect(window.walk);
      window.walk.advance();
      window.first_sample = window.walk.depth_begin() * epoch_->lanes() + window.turn;
      push(window);
    }
  }

 private:
  struct Window {
    std::uint64_t first_sample;
    std::uint32_t turn;
    LaneWalk walk;
    bool operator<(const Window& other) const { return first_sample > other.first_sample; }
  };

  /// Unless nothing is drawn from it.
  void push(const Window& window) {
    if (!window.walk.done() && window.first_sample < slices_.begin()) windows_.push(window);
  }

  std::optional<std::uint32_t> next_of_slices() {
    while (slice_block_ < slices_.blocks().size()) {
      const std::uint32_t block = slices_.blocks()[slice_block_++];
      if (!slices_seen_.contains(block)) return block;
    }
    return std::nullopt;
  }

  void collect(const LaneWalk& walk) {
    window_blocks_.clear();
    piece_ = 0;
    for (std::size_t i = 0; i < walk.pieces(); ++i) {
      const std::size_t place = walk.piece(i).place;
      auto [first, last] = epoch_->lanes_of(epoch_->start(place), epoch_->start(place + 1));
      const bool shared =
          std::min(last, rank_lanes_.second) - std::max(first, rank_lanes_.first) > 1;
      if (shared && !shared_seen_.insert(place).second) continue;
      const std::uint32_t block = epoch_->block(place);
      if (slices_.needs(block)) slices_seen_.insert(block);
      window_blocks_.push_back(block);
    }
  }

  std::shared_ptr<const Epoch> epoch_;
  RankSlices slices_;
  std::unordered_set<std::uint32_t> slices_seen_;  ///< blocks of theirs that a window needed before
  std::size_t slice_block_ = 0;
  std::pair<std::uint32_t, std::uint32_t> rank_lanes_;
  std::priority_queue<Window> windows_;
  std::unordered_set<std::size_t> shared_seen_;
  std::vector<std::uint32_t> window_blocks_;
  std::size_t piece_ = 0;
};

}  // namespace

std::unique_ptr<RankOrder> make_block_order(std::shared_ptr<const Epoch> epoch, int rank,
                                            int world_size, std::uint64_t start) {
  return std::make_unique<BlockOrder>(std::move(epoch), rank, world_size, start);
}

std::unique_ptr<ReadPlan> make_block_plan(std::shared_ptr<const Epoch> epoch, int rank,
                                          int world_size, std::uint64_t start) {
  return std::make_unique<BlockPlan>(std::move(epoch), rank, world_size, start);
}

}  // namespace ringfeed
