// linear, mlp, cnn, and which has a file of its own; sgd, adam, adamw.
#include "train/models.hpp"

#include <fmt/format.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/pooling.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <ringfeed/error.hpp>

#include "train/resnet.hpp"
#include "train/transformer.hpp"

namespace ringfeed {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kFirstFilters = 32;
constexpr std::int64_t kFilters = 64;
/// Convolutions and poolings are added until no side is longer.
constexpr std::int64_t kPooledSideMax = 8;

/// A 3x3 convolution that keeps height and width, and ReLU. Returns its filters.
std::int64_t add_convolution(nn::SequentialImpl& model, int number, std::int64_t channels,
                             std::int64_t filters) {
  model.push_back(fmt::format("conv{}", number),
                  nn::Conv2d(nn::Conv2dOptions(channels, filters, 3).padding(1)));
  model.push_back(fmt::format("conv_relu{}", number), nn::ReLU());
  return filters;
}

/// Returns the number of features.
std::int64_t add_convolutions(nn::SequentialImpl& model,
                              const std::vector<std::int64_t>& input_shape) {
  std::int64_t height = input_shape[1];
  std::int64_t width = input_shape[2];
  std::int64_t channels = add_convolution(model, 1, input_shape[0], kFirstFilters);
  for (int number = 2; number == 2 || std::max(height, width) > kPooledSideMax; ++number) {
    channels = add_convolution(model, number, channels, kFilters);
    const std::int64_t down = std::min<std::int64_t>(2, height);
    const std::int64_t across = std::min<std::int64_t>(2, width);
    model.push_back(fmt::format("pool{}", number),
                    nn::MaxPool2d(nn::MaxPool2dOptions({down, across})));
    height /= down;
    width /= across;
  }
  return channels * height * width;
}

/// Layers one behind the other.
class LayeredModel final : public Model {
 public:
  explicit LayeredModel(std::shared_ptr<nn::SequentialImpl> layers) : layers_(std::move(layers)) {
    for (const auto& layer : layers_->named_children()) register_module(layer.key(), layer.value());
  }

  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) override {
    return layers_->forward(inputs.front());
  }
  std::shared_ptr<nn::SequentialImpl> layers() const override { return layers_; }

 private:
  std::shared_ptr<nn::SequentialImpl> layers_;
};

}  // namespace

std::shared_ptr<Model> make_model(const TrainOptions& options, const Plan& plan) {
  if (plan.model == ModelKind::kTransformer) return std::make_shared<Transformer>(options, plan);
  if (plan.model == ModelKind::kResNet18) return make_resnet(ResNetKind::kResNet18, plan.outputs);
  if (plan.model == ModelKind::kResNet50) return make_resnet(ResNetKind::kResNet50, plan.outputs);
  auto model = std::make_shared<nn::SequentialImpl>();
  std::int64_t features = plan.model == ModelKind::kCnn
                              ? add_convolutions(*model, plan.input_shape)
                              : std::accumulate(plan.input_shape.begin(), plan.input_shape.end(),
                                                std::int64_t{1}, std::multiplies<>());
  model->push_back("flatten", nn::Flatten());
  for (std::size_t i = 0; i < plan.hidden.size(); ++i) {
    model->push_back(fmt::format("fc{}", i + 1), nn::Linear(features, plan.hidden[i]));
    model->push_back(fmt::format("relu{}", i + 1), nn::ReLU());
    features = plan.hidden[i];
  }
  model->push_back("output", nn::Linear(features, plan.outputs));
  return std::make_shared<LayeredModel>(std::move(model));
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const Plan& plan,
                                                        const TrainOptions& options,
                                                        std::vector<torch::Tensor> parameters) {
  namespace optim = torch::optim;
  switch (plan.optimizer) {
    case OptimizerKind::kSgd:
      return std::make_unique<optim::SGD>(std::move(parameters),
                                          optim::SGDOptions(options.learning_rate)
                                              .momentum(options.momentum)
                                              .weight_decay(plan.weight_decay));
    case OptimizerKind::kAdam:
      return std::make_unique<optim::Adam>(
          std::move(parameters),
          optim::AdamOptions(options.learning_rate).weight_decay(plan.weight_decay));
    case OptimizerKind::kAdamW:
      return std::make_unique<optim::AdamW>(
          std::move(parameters),
          optim::AdamWOptions(options.learning_rate).weight_decay(plan.weight_decay));
    case OptimizerKind::kOwn:
      break;
  }
  throw Error(ErrorCode::kInternal, "an optimizer without a class");
}

}  // namespace ringfeed
