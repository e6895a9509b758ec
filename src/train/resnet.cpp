// resnet18 of basic blocks, resnet50 of bottlenecks whose second convolution has the stride.
#include "train/resnet.hpp"

#include <torch/nn/functional/activation.h>
#include <torch/nn/functional/pooling.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>

#include <array>
#include <utility>
#include <vector>

namespace ringfeed {
namespace {

namespace nn = torch::nn;

constexpr std::int64_t kFirstChannels = 64;
constexpr std::int64_t kBottleneckGrowth = 4;

nn::Conv2d convolution(std::int64_t from, std::int64_t to, std::int64_t size,
                       std::int64_t stride = 1) {
  return nn::Conv2d(nn::Conv2dOptions(from, to, size).stride(stride).padding(size / 2).bias(false));
}

/// What is added to what came in.
class BlockImpl : public nn::Module {
 public:
  /// With a bottleneck `channels` are those of its middle.
  BlockImpl(std::int64_t from, std::int64_t channels, std::int64_t stride, bool bottleneck) {
    const std::int64_t to = channels * (bottleneck ? kBottleneckGrowth : 1);
    if (bottleneck) {
      add(convolution(from, channels, 1), channels);
      add(convolution(channels, channels, 3, stride), channels);
      add(convolution(channels, to, 1), to);
    } else {
      add(convolution(from, channels, 3, stride), channels);
      add(convolution(channels, to, 3), to);
    }
    if (stride == 1 && from == to) return;
    downsample_ = register_module(
        "downsample", nn::Sequential(convolution(from, to, 1, stride), nn::BatchNorm2d(to)));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    torch::Tensor made = input;
    for (auto& [conv, norm] : layers_) {
      made = norm(conv(made));
      if (conv.ptr() != layers_.back().first.ptr()) made = torch::relu(made);
    }
    return torch::relu(made + (downsample_.is_empty() ? input : downsample_->forward(input)));
  }

 private:
  void add(nn::Conv2d conv, std::int64_t channels) {
    const std::string number = std::to_string(layers_.size() + 1);
    register_module("conv" + number, conv);
    layers_.emplace_back(std::move(conv),
                         register_module("bn" + number, nn::BatchNorm2d(channels)));
  }

  std::vector<std::pair<nn::Conv2d, nn::BatchNorm2d>> layers_;
  nn::Sequential downsample_{nullptr};
};
TORCH_MODULE(Block);

class ResNet final : public Model {
 public:
  ResNet(const std::array<int, 4>& blocks, bool bottleneck, std::int64_t classes) {
    conv_ = register_module(
        "conv1",
        nn::Conv2d(nn::Conv2dOptions(3, kFirstChannels, 7).stride(2).padding(3).bias(false)));
    norm_ = register_module("bn1", nn::BatchNorm2d(kFirstChannels));
    std::int64_t from = kFirstChannels;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::int64_t channels = kFirstChannels << i;
      nn::Sequential stage;
      for (int block = 0; block < blocks[i]; ++block) {
        stage->push_back(Block(from, channels, i > 0 && block == 0 ? 2 : 1, bottleneck));
        from = channels * (bottleneck ? kBottleneckGrowth : 1);
      }
      stages_.push_back(register_module("layer" + std::to_string(i + 1), stage));
    }
    output_ = register_module("fc", nn::Linear(from, classes));
    draw_parameters();
  }

  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) override {
    namespace functional = nn::functional;
    torch::Tensor made = torch::relu(norm_(conv_(inputs.front())));
    made = functional::max_pool2d(made, functional::MaxPool2dFuncOptions(3).stride(2).padding(1));
    for (auto& stage : stages_) made = stage->forward(made);
    return output_(made.mean({2, 3}));
  }

 private:
  void draw_parameters() {
    for (const auto& module : modules(/*include_self=*/false)) {
      if (auto* conv = module->as<nn::Conv2dImpl>())
        nn::init::kaiming_normal_(conv->weight, 0, torch::kFanOut, torch::kReLU);
    }
  }

  nn::Conv2d conv_{nullptr};
  nn::BatchNorm2d norm_{nullptr};
  std::vector<nn::Sequential> stages_;
  nn::Linear output_{nullptr};
};

}  // namespace

std::shared_ptr<Model> make_resnet(ResNetKind kind, std::int64_t classes) {
  const bool bottleneck = kind == ResNetKind::kResNet50;
  return std::make_shared<ResNet>(bottleneck ? std::array{3, 4, 6, 3} : std::array{2, 2, 2, 2},
                                  bottleneck, classes);
}

}  // namespace ringfeed
