// A golden order as JSON: the case, and everything that follows from it.
#pragma once

#include <map>
#include <nlohmann/json.hpp>

#include "order/cases.hpp"
#include "order/drain.hpp"

namespace ringfeed {

inline OrderCase case_of_golden(const nlohmann::json& golden) {
  OrderCase result;
  result.block_samples = golden.at("block_samples").get<std::vector<std::uint32_t>>();
  result.options.seed = golden.at("seed");
  result.options.global_batch = golden.at("global_batch");
  result.options.lanes = golden.at("lanes");
  result.options.window = golden.at("window");
  result.options.shuffle = shuffle_from_name(golden.at("shuffle").get<std::string>());
  result.options.tail = tail_from_name(golden.at("tail").get<std::string>());
  result.epoch = golden.at("epoch");
  result.world_size = golden.at("world_size");
  return result;
}

/// Drains the case on one rank for the order, and on all ranks for who gets what.
inline nlohmann::json golden_order(const OrderCase& order_case) {
  nlohmann::json golden = {{"block_samples", order_case.block_samples},
                           {"seed", order_case.options.seed},
                           {"epoch", order_case.epoch},
                           {"global_batch", order_case.options.global_batch},
                           {"lanes", order_case.options.lanes},
                           {"window", order_case.options.window},
                           {"shuffle", name_of(order_case.options.shuffle)},
                           {"tail", name_of(order_case.options.tail)},
                           {"world_size", order_case.world_size}};
  const auto epoch =
      std::make_shared<const Epoch>(order_case.block_samples, order_case.options, order_case.epoch);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> number_of;
  auto& order = golden["order"] = nlohmann::json::array();
  for (const auto& step : drain(epoch, 0, 1).steps) {
    for (const auto& ref : step) {
      number_of[{ref.block, ref.row}] = order.size();
      order.push_back({ref.block, ref.row});
    }
  }
  auto& steps = golden["steps"] = nlohmann::json::array();
  for (std::uint64_t step = 0; step < epoch->steps().count(); ++step) {
    steps.push_back({epoch->steps().begin(step), epoch->steps().begin(step + 1)});
  }
  auto& ranks = golden["ranks"] = nlohmann::json::array();
  for (int rank = 0; rank < order_case.world_size; ++rank) {
    auto& own = ranks.emplace_back(nlohmann::json::array());
    for (const auto& step : drain(epoch, rank, order_case.world_size).steps) {
      auto& numbers = own.emplace_back(nlohmann::json::array());
      for (const auto& ref : step) numbers.push_back(number_of.at({ref.block, ref.row}));
    }
  }
  return golden;
}

}  // namespace ringfeed
