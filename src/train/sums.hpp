// What the samples of an epoch or an evaluation add up to.
#pragma once

#include <torch/types.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ringfeed/torch.hpp>

namespace ringfeed {

/// People are shown "nan": a sign of it means nothing.
inline double without_sign_of_nan(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

/// Sums over the samples of one rank; after all_reduce() over those of all.
struct Sums {
  explicit Sums(torch::Device device)
      : loss(torch::zeros({}, torch::dtype(torch::kFloat64).device(device))) {}

  /// Those of a checkpoint, one of each rank at its time: this rank's own when the ranks are as
  /// many as then; else rank 0 has those of all.
  Sums(const nlohmann::json& of_ranks, const ProcessGroup& group, torch::Device device);

  /// A collective.
  void all_reduce(ProcessGroup& group);

  double mean_loss() const { return without_sign_of_nan(loss.item<double>() / weight); }

  torch::Tensor loss;  ///< where losses are made: to fetch each would wait for the device
  double weight = 0;   ///< what `loss` is to be divided by
  double correct = 0;
  double samples = 0;
};

}  // namespace ringfeed
