// The sums behind the bound of what a feed holds.
#include "feed/budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "base/byte_size.hpp"
#include "base/option.hpp"
#include "feed/gather.hpp"
#include "order/rank_order.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kDefaultBytes = 256 * kMiB;
constexpr std::uint64_t kDefaultAboveFloor = 128 * kMiB;
/// Small batches wait in a queue of up to this many bytes, so that handing one over costs no
/// wake-up each time.
constexpr std::uint64_t kReadyBytes = kMiB;
constexpr std::uint64_t kReadyMax = 64;
/// Per block, read or not: its numbers, its place in two epochs, and its slot in two epochs.
constexpr std::uint64_t kIndexBytesPerBlock = 40;

/// A bound of the bytes of this rank's largest batch. Varying columns: by the fullest block.
std::uint64_t batch_bytes_max(const FeedOptions& options, std::span<const BlockInfo> blocks,
                              const Steps& steps, std::span<const ColumnSpec> columns) {
  if (steps.count() == 0) return 0;
  const std::uint64_t largest = steps.size_max();
  const auto ranks = static_cast<std::uint64_t>(options.world_size);
  const std::uint64_t lanes_of_rank = (steps.lanes() + ranks - 1) / ranks;
  const std::uint64_t samples =
      std::min(steps.samples(),
               std::max((largest / steps.lanes() + 1) * lanes_of_rank, largest / ranks + 1));
  std::uint64_t bytes = Gather::fixed_bytes(columns, samples);
  if (std::ranges::any_of(
          columns, [](const ColumnSpec& column) { return column.kind != ColumnKind::kTensor; })) {
    double fullest = 0;
    for (const auto& block : blocks) {
      if (block.samples > 0)
        fullest = std::max(fullest, static_cast<double>(block.bytes) / block.samples);
    }
    bytes += static_cast<std::uint64_t>(2 * fullest * static_cast<double>(samples));
  }
  return bytes;
}

}  // namespace

Budget plan_budget(const FeedOptions& options, std::span<const BlockInfo> blocks,
                   std::span<const ColumnSpec> columns, std::uint64_t overhead) {
  std::uint64_t samples = 0;
  std::uint64_t total = 0;
  std::uint64_t largest = 0;
  for (const auto& block : blocks) {
    samples += block.samples;
    total += cost_of(block);
    largest = std::max(largest, cost_of(block));
  }
  const Steps steps(samples, options.order);
  check_ranks(steps, options.order, options.rank, options.world_size);
  const std::uint64_t batch_bytes = batch_bytes_max(options, blocks, steps, columns);
  Budget budget;
  const std::uint64_t held =
      blocks_held_max(options.order, samples, blocks.size(), options.world_size);
  const std::uint64_t held_bytes = std::min(total, held * largest);
  const std::uint64_t waiting = std::clamp<std::uint64_t>(
      kReadyBytes / std::max<std::uint64_t>(batch_bytes, 1), 1, kReadyMax);
  const auto threads = static_cast<std::uint64_t>(options.assemble_threads) + 1;  // the caller's
  budget.places = waiting + threads;
  budget.places_low = waiting / 2 + threads;
  const std::uint64_t aside =
      budget.places * batch_bytes + kIndexBytesPerBlock * blocks.size() + overhead;
  budget.floor_bytes = held_bytes + aside;

  const bool full = options.order.shuffle == Shuffle::kFull;
  budget.bytes = options.prefetch_bytes;
  const bool is_given = budget.bytes > 0;
  if (!is_given) {
    budget.bytes =
        full ? kDefaultBytes : std::max(kDefaultBytes, budget.floor_bytes + kDefaultAboveFloor);
  }
  budget.least_bytes =
      full ? budget.floor_bytes : budget.floor_bytes + std::min(2 * largest, total);
  if (budget.bytes < budget.least_bytes) {
    const std::string bound = option_name("prefetch-bytes");
    const std::string remedy =
        full ? fmt::format("raise {} to that, or use {}, which is as good for training", bound,
                           option_name("shuffle", "block"))
             : fmt::format("raise {} to that, or use fewer {}, a smaller {} or more ranks", bound,
                           option_name("lanes"), option_name("window"));
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{} {}{}: this order holds up to {} blocks at once ({}) and needs at least "
                    "{} ({} bytes); {}",
                    bound, is_given ? "" : "is by default ", format_bytes(budget.bytes), held,
                    format_bytes(held_bytes), format_bytes(budget.least_bytes), budget.least_bytes,
                    remedy));
  }
  budget.blocks_bytes = budget.bytes - aside;
  return budget;
}

}  // namespace ringfeed
