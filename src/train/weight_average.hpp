// An exponential moving average of the weights.
#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

namespace ringfeed {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// Of one rank; all have the same, as they have the same parameters. Buffers are not averaged.
class WeightAverage {
 public:
  /// Begins with the parameters' values.
  WeightAverage(double decay, NamedTensors parameters);

  /// After each step of the optimizer: decay * average + (1 - decay) * parameter.
  void update();

  /// The average of each parameter, by its name: the tensors themselves.
  const NamedTensors& values() const noexcept { return values_; }

  /// Gives the parameters the averaged values, and gets theirs; the next call undoes it.
  void exchange();

 private:
  const double decay_;
  NamedTensors parameters_;
  NamedTensors values_;
};

/// Has the parameters averaged while it lives. `average` may be null.
class AveragedWeights {
 public:
  explicit AveragedWeights(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->exchange();
  }
  ~AveragedWeights() {
    if (average_ != nullptr) average_->exchange();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  WeightAverage* const average_;
};

}  // namespace ringfeed
