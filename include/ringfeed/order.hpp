// Order: which samples make up each step of each epoch, and which rank gets which of them. It is a
// pure function of its identity; docs/ordering.md defines it completely. Nothing here reads data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Kinds of order.
enum class Shuffle : std::uint8_t {
  kBlock,  ///< mixes blocks, samples in blocks, then windows of blocks; reads each block once
  kFull,   ///< one permutation of all samples
  kNone,   ///< storage order
};

/// Returns "block", "full" or "none".
std::string_view name_of(Shuffle shuffle) noexcept;
/// Reads "block", "full" or "none". Throws Error{kInvalidArgument}.
Shuffle shuffle_from_name(std::string_view name);

/// Treatment of the samples at the end of an epoch that fill no step.
enum class Tail : std::uint8_t {
  kShare,  ///< a step of their own; too few for one, they share the samples of the last full step
  kDrop,   ///< left out, in each epoch others
  kJoin,   ///< a step of their own; too few for one, they join the last full step
};

/// Returns "share", "drop" or "join".
std::string_view name_of(Tail tail) noexcept;
/// Reads "share", "drop" or "join". Throws Error{kInvalidArgument}.
Tail tail_from_name(std::string_view name);

/// Options that an order depends on, beside the data set.
struct OrderOptions {
  std::uint64_t seed = 0;
  Shuffle shuffle = Shuffle::kBlock;
  std::uint32_t lanes = 64;         ///< parts of the order that are read side by side, 1 to 65,536
  std::uint32_t window = 2;         ///< blocks of a lane that are mixed together, 1 to 1,024
  std::uint64_t global_batch = 64;  ///< samples per step over all ranks, from 1
  Tail tail = Tail::kShare;
};

/// Place of a sample: its block and its row in the block.
struct SampleRef {
  std::uint32_t block = 0;
  std::uint32_t row = 0;
  bool operator==(const SampleRef&) const = default;
};

/// Version of the random choices of docs/ordering.md that this code follows.
inline constexpr std::uint32_t kOrderVersion = 1;
/// Version of the cut into steps of docs/ordering.md that this code follows.
inline constexpr std::uint32_t kCutVersion = 2;

/// The cut of an epoch into steps: sizes only, no shuffling; costs nothing.
class Steps {
 public:
  /// Throws Error{kInvalidArgument} when an option is out of its bounds, and when Tail::kDrop would
  /// leave out all samples.
  Steps(std::uint64_t samples, const OrderOptions& options);

  std::uint64_t samples() const noexcept { return samples_; }
  /// Lanes in use, and the largest number of ranks: min(lanes, global batch, samples).
  std::uint32_t lanes() const noexcept { return lanes_; }
  /// Returns a better number of lanes when the busiest of `world_size` ranks would have over 1.1
  /// times its even share of each step, as ranks own whole lanes: the nearest number with which all
  /// have the same. Nothing when there is none to wish for.
  std::optional<std::uint32_t> better_lanes(int world_size) const;
  /// Steps of one epoch; 0 when there is no sample.
  std::uint64_t count() const noexcept { return count_; }
  /// The first sample of a step; begin(count()) is end().
  std::uint64_t begin(std::uint64_t step) const noexcept;
  std::uint64_t size(std::uint64_t step) const noexcept { return begin(step + 1) - begin(step); }
  /// Size of the largest step; 0 when there is none.
  std::uint64_t size_max() const noexcept;
  /// Size of the smallest step; 0 when there is none.
  std::uint64_t size_min() const noexcept;
  /// Samples of an epoch that are handed out: all, but with Tail::kDrop.
  std::uint64_t end() const noexcept { return end_; }
  /// First sample of the steps that have fewer samples than there are lanes, which ranks share by
  /// slices and not by lanes; end() when there is none.
  std::uint64_t slices_begin() const noexcept { return slices_begin_; }
  /// The step that a position is the start of. Throws Error{kInvalidArgument} when it is inside a
  /// step.
  std::uint64_t step_at(std::uint64_t position) const;

 private:
  std::uint64_t samples_;
  std::uint64_t batch_;
  std::uint32_t lanes_;
  std::uint64_t count_;
  std::uint64_t last_begin_ = 0;  ///< start of the last step
  std::uint64_t end_;
  std::uint64_t slices_begin_;
};

}  // namespace ringfeed
