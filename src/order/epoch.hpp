// One epoch of an order, for all ranks: blocks in their shuffled order, laid end to end and cut
// into lanes. Costs O(blocks) to make; the lanes' windows are walked without looking at samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ringfeed/order.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/random.hpp"

namespace ringfeed {

class Epoch {
 public:
  /// `block_samples` must outlive the epoch. Empty blocks take no part.
  Epoch(std::span<const std::uint32_t> block_samples, const OrderOptions& options,
        std::uint64_t number);

  const OrderOptions& options() const noexcept { return options_; }
  const Steps& steps() const noexcept { return steps_; }
  std::uint64_t number() const noexcept { return number_; }

  /// Blocks in use, in order of the concatenation; place q holds block(q), samples start(q) to
  /// start(q + 1).
  std::size_t places() const noexcept { return blocks_.size(); }
  std::uint32_t block(std::size_t place) const noexcept { return blocks_[place]; }
  std::uint64_t start(std::size_t place) const noexcept { return starts_[place]; }
  /// The place that holds a sample of the concatenation.
  std::size_t place_of(std::uint64_t sample) const noexcept;
  std::uint32_t block_samples(std::uint32_t block) const noexcept { return block_samples_[block]; }

  std::uint32_t lanes() const noexcept { return steps_.lanes(); }
  std::uint64_t lane_begin(std::uint32_t lane) const noexcept { return lane_begins_[lane]; }
  std::uint64_t lane_end(std::uint32_t lane) const noexcept { return lane_begins_[lane + 1]; }
  /// The lanes that a range of the concatenation touches: first and one past the last.
  std::pair<std::uint32_t, std::uint32_t> lanes_of(std::uint64_t begin,
                                                   std::uint64_t end) const noexcept;
  /// Sample p of the epoch comes from lane_at(p mod lanes()).
  std::uint32_t lane_at(std::uint32_t turn) const noexcept { return lane_at_[turn]; }
  /// The lanes of a rank: first and one past the last.
  std::pair<std::uint32_t, std::uint32_t> lanes_of_rank(int rank, int world_size) const noexcept;
  /// Where a rank's slice of a step begins, for the steps that are shared by slices; that of the
  /// rank after it is its end.
  std::uint64_t slice_begin(std::uint64_t step, int rank, int world_size) const noexcept;

  Random random(Purpose purpose, std::uint64_t number) const noexcept;
  /// The order of the samples inside a block.
  void shuffle_block(std::uint32_t block, std::vector<std::uint32_t>& rows) const;

 private:
  OrderOptions options_;
  std::span<const std::uint32_t> block_samples_;
  std::uint64_t number_;
  std::vector<std::uint32_t> blocks_;
  std::vector<std::uint64_t> starts_;
  Steps steps_;
  std::vector<std::uint64_t> lane_begins_;
  std::vector<std::uint32_t> lane_at_;
};

class LaneWalk;

/// Appends the samples of the lane's window in their order. `rows_of` gives shuffle_block() of the
/// block at a place.
using RowsOf = std::function<const std::vector<std::uint32_t>&(std::size_t place)>;
void append_window(const Epoch& epoch, const LaneWalk& walk, const RowsOf& rows_of,
                   std::vector<SampleRef>& samples);

/// Walks the windows of one lane in their order.
class LaneWalk {
 public:
  /// Starts at the window that holds the lane's sample at `depth` (at its end: done()).
  LaneWalk(const Epoch& epoch, std::uint32_t lane, std::uint64_t depth);

  bool done() const noexcept { return depth_begin_ == length_; }
  void advance() noexcept;

  std::uint32_t lane() const noexcept { return lane_; }
  std::uint64_t length() const noexcept { return length_; }
  /// The current window: its number in the lane, and its depths.
  std::uint64_t window() const noexcept { return window_; }
  std::uint64_t depth_begin() const noexcept { return depth_begin_; }
  std::uint64_t depth_end() const noexcept { return depth_end_; }
  /// Its pieces, in the direction of the lane.
  std::size_t pieces() const noexcept { return piece_end_ - piece_begin_; }
  struct Piece {
    std::size_t place;
    std::uint32_t from;  ///< in the shuffled order of the block
    std::uint32_t to;
  };
  Piece piece(std::size_t i) const noexcept { return piece_at(piece_begin_ + i); }
  bool backward() const noexcept { return lane_ % 2 == 1; }

  /// The number of the window that holds the piece of this place (which the lane must touch).
  std::uint64_t window_of_place(std::size_t place) const noexcept;

 private:
  Piece piece_at(std::size_t piece) const noexcept;
  std::uint64_t depth_after(std::size_t piece) const noexcept;
  void enter(std::uint64_t window) noexcept;

  const Epoch* epoch_;
  std::uint32_t lane_;
  std::uint64_t begin_;
  std::uint64_t length_;
  std::size_t first_place_ = 0;
  std::size_t last_place_ = 0;
  std::uint64_t window_ = 0;
  std::size_t piece_begin_ = 0;
  std::size_t piece_end_ = 0;
  std::uint64_t depth_begin_ = 0;
  std::uint64_t depth_end_ = 0;
};

}  // namespace ringfeed
