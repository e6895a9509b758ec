// Runs one rank through an epoch as the feed does, and checks on the way what the feed relies on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "order/rank_order.hpp"

namespace ringfeed {

struct Drained {
  std::vector<std::vector<SampleRef>> steps;  ///< from the start on
  std::uint64_t reads = 0;
  std::uint64_t held_max = 0;
};

inline Drained drain(const std::shared_ptr<const Epoch>& epoch, int rank, int world_size,
                     std::uint64_t start = 0) {
  const auto order = RankOrder::make(epoch, rank, world_size, start);
  const auto plan = ReadPlan::make(epoch, rank, world_size, start);
  std::set<std::uint32_t> held;
  std::set<std::uint32_t> read_before;
  Drained result;
  const auto read_next = [&] {
    const auto block = plan->next();
    if (!block) return false;
    EXPECT_TRUE(read_before.insert(*block).second) << "block " << *block << " is read twice";
    held.insert(*block);
    ++result.reads;
    return true;
  };
  const Steps& steps = epoch->steps();
  for (std::uint64_t step = steps.step_at(start); step < steps.count(); ++step) {
    std::vector<SampleRef> refs;
    std::vector<std::uint32_t> finished;
    while (!order->draw(steps.begin(step + 1), refs)) {
      order->finished(finished);
      for (const auto block : finished)
        EXPECT_EQ(held.erase(block), 1U) << "finished twice, or never read";
      finished.clear();
      // Only the blocks that are needed now are read now: what is held is then the least there can
      // be.
      for (const auto block : order->needed()) {
        while (!held.contains(block)) {
          if (!read_next()) {
            ADD_FAILURE() << "the plan ends before block " << block << " that is needed";
            return result;
          }
        }
      }
      result.held_max = std::max<std::uint64_t>(result.held_max, held.size());
      order->open();
    }
    order->finished(finished);
    for (const auto block : finished) EXPECT_EQ(held.erase(block), 1U);
    EXPECT_EQ(refs.size(), order->count(steps.begin(step), steps.begin(step + 1)));
    result.steps.push_back(std::move(refs));
  }
  EXPECT_FALSE(read_next()) << "the plan reads a block that nobody needs";
  return result;
}

}  // namespace ringfeed
