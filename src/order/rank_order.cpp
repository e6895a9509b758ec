// The choice of the mode; the modes are in block_order.cpp and slice_order.cpp.
#include "order/rank_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "order/modes.hpp"

namespace ringfeed {

void check_ranks(const Steps& steps, const OrderOptions& options, int rank, int world_size) {
  if (world_size < 1 || rank < 0 || rank >= world_size) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("rank {} of {}; ranks are 0 to world size - 1", rank, world_size));
  }
  if (steps.samples() > 0 && static_cast<std::uint64_t>(world_size) > steps.lanes()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} ranks, but batch size {}, {} samples and {} lanes: each rank must "
                            "get a sample in each "
                            "step; use fewer ranks, or a larger batch size (and lanes)",
                            world_size, options.global_batch, steps.samples(), options.lanes));
  }
  const bool slices = options.shuffle != Shuffle::kBlock || steps.slices_begin() < steps.end();
  if (slices && steps.size_min() < static_cast<std::uint64_t>(world_size) && steps.count() > 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "{} ranks, but the last step of {} samples in batches of {} has {}: each rank must "
            "get a sample in each step; use fewer ranks or another batch size, leave out what "
            "fills no step (tail drop), or let it join the last full one (tail join)",
            world_size, steps.samples(), options.global_batch, steps.size_min()));
  }
}

std::unique_ptr<RankOrder> RankOrder::make(std::shared_ptr<const Epoch> epoch, int rank,
                                           int world_size, std::uint64_t start) {
  check_ranks(epoch->steps(), epoch->options(), rank, world_size);
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
  const Steps steps(samples, options);
  const auto ranks = static_cast<std::uint64_t>(world_size);
  const std::uint64_t lanes_of_rank = (steps.lanes() + ranks - 1) / ranks;
  // Two slices have a sample of as many lanes each.
  const bool slices = world_size > 1 && steps.slices_begin() < steps.end();
  return std::min<std::uint64_t>(
      blocks, lanes_of_rank * (slices ? std::max(options.window, 2U) : options.window));
}

}  // namespace ringfeed
