// The choice of the mode; the modes are in block_order.cpp and slice_order.cpp.
#include "order/rank_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "order/modes.hpp"

namespace ringfeed {

std::unique_ptr<RankOrder> RankOrder::make(std::shared_ptr<const Epoch> epoch, int rank,
                                           int world_size, std::uint64_t start) {
  const Steps& steps = epoch->steps();
  if (world_size < 1 || rank < 0 || rank >= world_size) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("rank {} of {}; ranks are 0 to world size - 1", rank, world_size));
  }
  if (steps.samples() > 0 && static_cast<std::uint64_t>(world_size) > steps.lanes()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} ranks, but batch size {}, {} samples and {} lanes: each rank must "
                            "get a sample in each "
                            "step; use fewer ranks, or a larger batch size (and lanes)",
                            world_size, epoch->options().global_batch, steps.samples(),
                            epoch->options().lanes));
  }
  switch (epoch->options().shuffle) {
    case Shuffle::kBlock:
      return make_block_order(std::move(epoch), rank, world_size, start);
    case Shuffle::kFull:
      return make_full_order(std::move(epoch), rank, world_size, start);
    case Shuffle::kNone:
      return make_slice_order(std::move(epoch), rank, world_size, start);
  }
  throw Error(ErrorCode::kInternal, "unknown shuffle mode");
}

std::unique_ptr<ReadPlan> ReadPlan::make(std::shared_ptr<const Epoch> epoch, int rank,
                                         int world_size, std::uint64_t start) {
  switch (epoch->options().shuffle) {
    case Shuffle::kBlock:
      return make_block_plan(std::move(epoch), rank, world_size, start);
    case Shuffle::kFull:
      return make_full_plan(std::move(epoch));
    case Shuffle::kNone:
      return make_slice_plan(std::move(epoch), rank, world_size, start);
  }
  throw Error(ErrorCode::kInternal, "unknown shuffle mode");
}

std::uint64_t blocks_held_max(const OrderOptions& options, std::uint64_t samples,
                              std::uint64_t blocks, int world_size) {
  if (options.shuffle == Shuffle::kFull) return blocks;
  if (options.shuffle == Shuffle::kNone) return std::min<std::uint64_t>(blocks, 1);
  const std::uint64_t lanes = Steps(samples, options).lanes();
  const auto ranks = static_cast<std::uint64_t>(world_size);
  const std::uint64_t lanes_of_rank = (lanes + ranks - 1) / ranks;
  return std::min(blocks, lanes_of_rank * options.window);
}

}  // namespace ringfeed
