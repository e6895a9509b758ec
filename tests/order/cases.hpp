// Generated cases for the properties of the order. A case prints itself, so a failure can be run
// again.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <ringfeed/order.hpp>
#include <string>
#include <vector>

#include "base/random.hpp"

namespace ringfeed {

struct OrderCase {
  std::vector<std::uint32_t> block_samples;
  OrderOptions options;
  std::uint64_t epoch = 0;
  int world_size = 1;

  std::uint64_t samples() const {
    return std::accumulate(block_samples.begin(), block_samples.end(), std::uint64_t{0});
  }
  std::string text() const {
    return fmt::format(
        "blocks [{}] seed {} shuffle {} lanes {} window {} batch {} tail {} epoch {} ranks {}",
        fmt::join(block_samples, ","), options.seed, name_of(options.shuffle), options.lanes,
        options.window, options.global_batch, name_of(options.tail), epoch, world_size);
  }
};

/// Case `number`: a function of the number alone.
inline OrderCase order_case_at(std::uint64_t number) {
  Random random(number * 0x9E3779B97F4A7C15 + 1);
  const auto between = [&](std::uint64_t low, std::uint64_t high) {
    return low + random.below(high - low + 1);
  };
  OrderCase result;
  const std::uint64_t shape = random.below(6);
  const std::uint64_t blocks = shape == 0 ? 1 : between(1, 60);
  const std::uint64_t largest = shape == 1 ? 3 : shape == 2 ? 500 : 60;
  for (std::uint64_t b = 0; b < blocks; ++b) {
    const std::uint64_t samples = shape == 3 ? 32 : between(0, largest);
    result.block_samples.push_back(static_cast<std::uint32_t>(samples));
  }
  if (shape == 4) result.block_samples[0] = 2000;  // larger than a lane
  constexpr std::uint32_t kPrimes[] = {2, 3, 5, 7, 13, 31, 61, 127, 257};
  auto& options = result.options;
  options.seed = random.next();
  options.shuffle = random.below(6) == 0   ? Shuffle::kNone
                    : random.below(8) == 0 ? Shuffle::kFull
                                           : Shuffle::kBlock;
  options.global_batch = random.below(2) == 0 ? kPrimes[random.below(9)] : between(1, 300);
  constexpr std::uint32_t kLanes[] = {1, 2, 7, 8, 16, 61, 64};
  options.lanes = kLanes[random.below(7)];
  options.window = static_cast<std::uint32_t>(between(1, 5));
  result.epoch = random.below(4);
  constexpr Tail kTails[] = {Tail::kShare, Tail::kShare, Tail::kDrop, Tail::kJoin};
  options.tail = kTails[random.below(4)];
  if (result.samples() < options.global_batch && options.tail == Tail::kDrop)
    options.tail = Tail::kShare;
  const Steps steps(result.samples(), options);
  std::uint64_t ranks_max = std::clamp<std::uint64_t>(steps.lanes(), 1, 8);
  if (options.shuffle != Shuffle::kBlock || steps.slices_begin() < steps.end())
    ranks_max = std::clamp<std::uint64_t>(steps.size_min(), 1, ranks_max);
  result.world_size = static_cast<int>(between(1, ranks_max));
  return result;
}

}  // namespace ringfeed
