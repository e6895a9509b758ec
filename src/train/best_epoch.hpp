// The epoch with the least validation loss so far.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "train/resume.hpp"

namespace ringfeed {

struct BestEpoch {
  std::optional<double> val_loss;  ///< nothing: none was evaluated
  std::uint64_t epoch = 0;
  std::string checkpoint;  ///< its path, on rank 0; empty: none

  /// True: this epoch is better than all before it. NaN is not.
  bool take(std::uint64_t number, double loss) {
    if (!(loss < val_loss.value_or(std::numeric_limits<double>::infinity()))) return false;
    val_loss = loss;
    epoch = number;
    checkpoint.clear();
    return true;
  }

  /// Whether none of the `patience` epochs before `next` was better.
  bool is_over(std::uint64_t next, std::optional<std::uint64_t> patience) const {
    return patience && val_loss && next > epoch + *patience;
  }

  nlohmann::json json() const {
    return {
        {"val_loss", json_of(val_loss.value_or(0))}, {"epoch", epoch}, {"checkpoint", checkpoint}};
  }

  static BestEpoch of(const nlohmann::json& json) {
    return {double_of(json.at("val_loss")), json.at("epoch").get<std::uint64_t>(),
            json.at("checkpoint").get<std::string>()};
  }
};

}  // namespace ringfeed
