// What the order says that a rank gets of a MemoryStore.
#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include "order/cases.hpp"
#include "order/rank_order.hpp"

namespace ringfeed {

/// As ids.
inline std::vector<std::int64_t> expected_ids(const OrderCase& order_case,
                                              std::uint64_t epoch_number, int rank,
                                              std::uint64_t start = 0) {
  const auto epoch =
      std::make_shared<const Epoch>(order_case.block_samples, order_case.options, epoch_number);
  const auto order = RankOrder::make(epoch, rank, order_case.world_size, start);
  std::vector<SampleRef> refs;
  while (!order->draw(order_case.samples(), refs)) order->open();
  std::vector<std::int64_t> firsts(order_case.block_samples.size() + 1);
  std::partial_sum(order_case.block_samples.begin(), order_case.block_samples.end(),
                   firsts.begin() + 1);
  std::vector<std::int64_t> ids;
  for (const auto& ref : refs) ids.push_back(firsts[ref.block] + ref.row);
  return ids;
}

}  // namespace ringfeed
