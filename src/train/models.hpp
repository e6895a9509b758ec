// The models that `train` builds, and their optimizers.
#pragma once

#include <torch/optim/optimizer.h>

#include <memory>

#include "train/model.hpp"
#include "train/plan.hpp"

namespace ringfeed {

/// A built-in one: float32, on the CPU (and from there to any device: the same on each), parameters
/// drawn from torch's global generator. Weights have names by layer: fc1.weight, conv1.bias,
/// output.weight.
std::shared_ptr<Model> make_model(const TrainOptions& options, const Plan& plan);

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Plan& plan,
                                                        const TrainOptions& options,
                                                        std::vector<torch::Tensor> parameters);

}  // namespace ringfeed
