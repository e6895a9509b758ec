// The geometry of an epoch. docs/ordering.md has the same in words.
#include "order/epoch.hpp"

#include <algorithm>
#include <numeric>

namespace ringfeed {
namespace {

std::uint64_t sum_of(std::span<const std::uint32_t> values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

/// The integer coprime to `lanes` nearest 0.618 * lanes, the smaller on a tie: neighbours in a step
/// are then far apart among the lanes, and the lanes that are one sample longer are spread over the
/// ranks.
std::uint32_t stride_of(std::uint32_t lanes) {
  const std::uint64_t aim = std::uint64_t{618} * lanes;
  std::uint32_t best = 1;
  std::uint64_t best_distance = UINT64_MAX;
  for (std::uint32_t s = 1; s <= lanes; ++s) {
    const std::uint64_t value = std::uint64_t{1000} * s;
    const std::uint64_t distance = value > aim ? value - aim : aim - value;
    if (distance < best_distance && std::gcd(s, lanes) == 1) {
      best = s;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace

Epoch::Epoch(std::span<const std::uint32_t> block_samples, const OrderOptions& options,
             std::uint64_t number)
    : options_(options),
      block_samples_(block_samples),
      number_(number),
      steps_(sum_of(block_samples), options) {
  std::vector<std::uint32_t> blocks(block_samples.size());
  std::iota(blocks.begin(), blocks.end(), 0U);
  if (options.shuffle == Shuffle::kBlock) shuffle(std::span(blocks), random(Purpose::kBlocks, 0));
  std::erase_if(blocks, [&](std::uint32_t b) { return block_samples_[b] == 0; });
  blocks_ = std::move(blocks);
  starts_.reserve(blocks_.size() + 1);
  starts_.push_back(0);
  for (const auto b : blocks_) starts_.push_back(starts_.back() + block_samples_[b]);

  const std::uint32_t count = lanes();
  if (count == 0) return;
  const std::uint64_t stride = stride_of(count);
  const std::uint64_t base = steps_.samples() / count;
  const std::uint64_t longer = steps_.samples() % count;
  std::vector<std::uint64_t> lengths(count, base);
  lane_at_.resize(count);
  for (std::uint64_t turn = 0; turn < count; ++turn) {
    lane_at_[turn] = static_cast<std::uint32_t>(turn * stride % count);
    if (turn < longer) ++lengths[lane_at_[turn]];
  }
  lane_begins_.resize(count + 1);
  std::partial_sum(lengths.begin(), lengths.end(), lane_begins_.begin() + 1);
}

std::size_t Epoch::place_of(std::uint64_t sample) const noexcept {
  return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), sample) -
                                  starts_.begin()) -
         1;
}

std::pair<std::uint32_t, std::uint32_t> Epoch::lanes_of(std::uint64_t begin,
                                                        std::uint64_t end) const noexcept {
  const auto first =
      std::upper_bound(lane_begins_.begin(), lane_begins_.end(), begin) - lane_begins_.begin() - 1;
  const auto last =
      std::lower_bound(lane_begins_.begin(), lane_begins_.end(), end) - lane_begins_.begin();
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
}

std::pair<std::uint32_t, std::uint32_t> Epoch::lanes_of_rank(int rank,
                                                             int world_size) const noexcept {
  const auto first = [&](std::uint64_t r) {
    const auto w = static_cast<std::uint64_t>(world_size);
    return static_cast<std::uint32_t>((r * lanes() + w - 1) /
                                      w);  // the least l with l * W / C >= r
  };
  const auto r = static_cast<std::uint64_t>(rank);
  return {first(r), first(r + 1)};
}

std::uint64_t Epoch::slice_begin(std::uint64_t step, int rank, int world_size) const noexcept {
  return steps_.begin(step) + steps_.size(step) * static_cast<std::uint64_t>(rank) /
                                  static_cast<std::uint64_t>(world_size);
}

Random Epoch::random(Purpose purpose, std::uint64_t number) const noexcept {
  return Random(random_key(kOrderVersion, options_.seed, number_, purpose, number));
}

void Epoch::shuffle_block(std::uint32_t block, std::vector<std::uint32_t>& rows) const {
  rows.resize(block_samples_[block]);
  std::iota(rows.begin(), rows.end(), 0U);
  shuffle(std::span(rows), random(Purpose::kBlockSamples, block));
}

void append_window(const Epoch& epoch, const LaneWalk& walk, const RowsOf& rows_of,
                   std::vector<SampleRef>& samples) {
  const std::size_t first = samples.size();
  samples.reserve(first + walk.depth_end() - walk.depth_begin());
  for (std::size_t i = 0; i < walk.pieces(); ++i) {
    const auto piece = walk.piece(i);
    const std::uint32_t block = epoch.block(piece.place);
    const auto& rows = rows_of(piece.place);
    if (walk.backward()) {
      for (std::uint32_t row = piece.to; row > piece.from; --row)
        samples.push_back({block, rows[row - 1]});
    } else {
      for (std::uint32_t row = piece.from; row < piece.to; ++row)
        samples.push_back({block, rows[row]});
    }
  }
  const std::uint64_t number = (std::uint64_t{walk.lane()} << 32) | walk.window();
  shuffle(std::span(samples).subspan(first), epoch.random(Purpose::kWindow, number));
}

LaneWalk::LaneWalk(const Epoch& epoch, std::uint32_t lane, std::uint64_t depth)
    : epoch_(&epoch),
      lane_(lane),
      begin_(epoch.lane_begin(lane)),
      length_(epoch.lane_end(lane) - epoch.lane_begin(lane)) {
  first_place_ = epoch.place_of(begin_);
  last_place_ = epoch.place_of(begin_ + length_ - 1);
  if (depth >= length_) {
    depth_begin_ = depth_end_ = length_;
    window_ = UINT64_MAX;
    return;
  }
  const std::uint64_t sample = backward() ? begin_ + length_ - 1 - depth : begin_ + depth;
  enter(window_of_place(epoch.place_of(sample)));
}

void LaneWalk::advance() noexcept {
  if (depth_end_ == length_) {
    depth_begin_ = length_;
    window_ = UINT64_MAX;
    return;
  }
  enter(window_ + 1);
}

std::uint64_t LaneWalk::window_of_place(std::size_t place) const noexcept {
  const std::size_t piece = backward() ? last_place_ - place : place - first_place_;
  const std::size_t width = epoch_->options().window;
  const std::size_t first = 1 + (lane_ / 2) % width;
  return piece < first ? 0 : 1 + (piece - first) / width;
}

void LaneWalk::enter(std::uint64_t window) noexcept {
  const std::size_t width = epoch_->options().window;
  const std::size_t first = 1 + (lane_ / 2) % width;
  const std::size_t count = last_place_ - first_place_ + 1;
  window_ = window;
  piece_begin_ = window == 0 ? 0 : first + (window - 1) * width;
  piece_end_ = std::min(count, first + window * width);
  depth_begin_ = piece_begin_ == 0 ? 0 : depth_after(piece_begin_ - 1);
  depth_end_ = depth_after(piece_end_ - 1);
}

LaneWalk::Piece LaneWalk::piece_at(std::size_t piece) const noexcept {
  const std::size_t place = backward() ? last_place_ - piece : first_place_ + piece;
  const std::uint64_t start = epoch_->start(place);
  const std::uint64_t from = std::max(begin_, start);
  const std::uint64_t to = std::min(begin_ + length_, epoch_->start(place + 1));
  return {place, static_cast<std::uint32_t>(from - start), static_cast<std::uint32_t>(to - start)};
}

std::uint64_t LaneWalk::depth_after(std::size_t piece) const noexcept {
  const std::size_t place = backward() ? last_place_ - piece : first_place_ + piece;
  const std::uint64_t end = begin_ + length_;
  return backward() ? end - std::max(begin_, epoch_->start(place))
                    : std::min(end, epoch_->start(place + 1)) - begin_;
}

}  // namespace ringfeed
