// The three shuffle modes behind RankOrder and ReadPlan; for rank_order.cpp alone.
#pragma once

#include <cstdint>
#include <memory>

#include "order/rank_order.hpp"

namespace ringfeed {

std::unique_ptr<RankOrder> make_block_order(std::shared_ptr<const Epoch> epoch, int rank,
                                            int world_size, std::uint64_t start);
std::unique_ptr<ReadPlan> make_block_plan(std::shared_ptr<const Epoch> epoch, int rank,
                                          int world_size, std::uint64_t start);
std::unique_ptr<RankOrder> make_full_order(std::shared_ptr<const Epoch> epoch, int rank,
                                           int world_size, std::uint64_t start);
std::unique_ptr<ReadPlan> make_full_plan(std::shared_ptr<const Epoch> epoch);
std::unique_ptr<RankOrder> make_slice_order(std::shared_ptr<const Epoch> epoch, int rank,
                                            int world_size, std::uint64_t start);
std::unique_ptr<ReadPlan> make_slice_plan(std::shared_ptr<const Epoch> epoch, int rank,
                                          int world_size, std::uint64_t start);

}  // namespace ringfeed
