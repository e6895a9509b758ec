// The models that `train` builds, and their optimizers.
#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/optimizer.h>

#include <memory>

#include "train/plan.hpp"

namespace ringfeed {

/// float32, on the CPU (and from there to any device: the same on each), parameters drawn from
/// torch's global generator. Its input is [B,
/// ...plan.input_shape], its output [B, plan.outputs]. Layers are named, so weights are too:
/// fc1.weight, conv1.bias, output.weight.
std::shared_ptr<torch::nn::SequentialImpl> make_model(const Plan& plan);

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Plan& plan,
                                                        const TrainOptions& options,
                                                        std::vector<torch::Tensor> parameters);

}  // namespace ringfeed
