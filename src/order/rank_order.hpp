// One epoch as one rank sees it: which samples it draws in each step, which blocks it must hold for
// that, and the order in which to read them ahead. Looks at no sample before its window opens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/order.hpp>
#include <span>
#include <vector>

#include "order/epoch.hpp"

namespace ringfeed {

/// Throws Error{kInvalidArgument} when this is no rank, or there are so many that one of them would
/// get no sample in some step.
void check_ranks(const Steps& steps, const OrderOptions& options, int rank, int world_size);

/// Draws the rank's samples in the order of the epoch. A window is opened when its blocks are in
/// memory:
///   while (!order.draw(limit, refs)) { ...copy refs, let finished() go, have needed() ready...;
///   order.open(); }
class RankOrder {
 public:
  /// `start` is the start of a step. Throws as check_ranks() does.
  static std::unique_ptr<RankOrder> make(std::shared_ptr<const Epoch> epoch, int rank,
                                         int world_size, std::uint64_t start);
  virtual ~RankOrder() = default;

  /// This rank's samples among those numbered [begin, end) in the epoch (whole steps).
  virtual std::uint64_t count(std::uint64_t begin, std::uint64_t end) const = 0;
  /// Appends the rank's next samples with a number below `limit`. False: the next one's window is
  /// not open.
  virtual bool draw(std::uint64_t limit, std::vector<SampleRef>& refs) = 0;
  /// After draw() gave false: the blocks that open() asks for (some may be held already).
  virtual std::span<const std::uint32_t> needed() const = 0;
  virtual void open() = 0;
  /// Moves out the blocks whose last sample was drawn since the last call.
  virtual void finished(std::vector<std::uint32_t>& blocks) = 0;
};

/// The blocks that a rank reads, each once, in the order in which RankOrder needs them.
class ReadPlan {
 public:
  static std::unique_ptr<ReadPlan> make(std::shared_ptr<const Epoch> epoch, int rank,
                                        int world_size, std::uint64_t start);
  virtual ~ReadPlan() = default;
  virtual std::optional<std::uint32_t> next() = 0;
};

/// The most blocks that a rank must hold at once, whatever their sizes.
std::uint64_t blocks_held_max(const OrderOptions& options, std::uint64_t samples,
                              std::uint64_t blocks, int world_size);

}  // namespace ringfeed
