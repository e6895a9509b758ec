// In place: the reducer and the optimizer hold the parameters' own tensors.
#include "train/weight_average.hpp"

#include <torch/utils.h>

namespace ringfeed {

WeightAverage::WeightAverage(double decay, NamedTensors parameters)
    : decay_(decay), parameters_(std::move(parameters)) {
  for (const auto& [name, parameter] : parameters_)
    values_.emplace_back(name, parameter.detach().clone());
}

void WeightAverage::update() {
  const torch::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < values_.size(); ++i)
    values_[i].second.lerp_(parameters_[i].second, 1 - decay_);
}

void WeightAverage::exchange() {
  const torch::NoGradGuard no_gradients;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const auto kept = parameters_[i].second.detach().clone();
    parameters_[i].second.copy_(values_[i].second);
    values_[i].second.copy_(kept);
  }
}

}  // namespace ringfeed
