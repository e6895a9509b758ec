// Training of a model, a loss and an optimizer of your own, with all that train() has: checkpoints,
// resuming, the ledger, evaluation, figures. It includes torch; link ringfeed::ringfeed_torch.
//
//   auto net = std::make_shared<Net>();
//   torch::optim::SGD optimizer(net->parameters(), 0.01);
//   ringfeed::TrainOptions options;
//   options.url = "lines.ring";
//   options.input = "x";
//   options.target = "y";
//   const auto loss = [](const torch::Tensor& output, const torch::Tensor& target) {
//     return torch::mse_loss(output, target);
//   };
//   const auto summary = ringfeed::train_with(net, loss, optimizer, options);
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/optim/optimizer.h>
#include <torch/types.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <ringfeed/train.hpp>
#include <utility>
#include <vector>

namespace ringfeed {

/// Forward of a model: gets the input columns as tensors [B, ...], in their order, gives a tensor
/// [B, ...].
using ForwardFunction = std::function<torch::Tensor(const std::vector<torch::Tensor>& inputs)>;

/// Loss of a batch: a mean over its samples, without a dimension, or the loss of each sample, [B].
/// The target is the column [B, ...]: floating-point in the dtype of the parameters, else int64.
using LossFunction =
    std::function<torch::Tensor(const torch::Tensor& output, const torch::Tensor& target)>;

/// Number of inputs that OwnModel finds a forward for.
inline constexpr std::size_t kOwnInputsMax = 8;

/// Model of your own: what holds its parameters, and how it is called.
struct OwnModel {
  std::shared_ptr<torch::nn::Module> module;  ///< parameters and buffers; the same on every rank
  ForwardFunction forward;                    ///< throws for other inputs than it takes

  /// Makes one of a module and a callable.
  OwnModel(std::shared_ptr<torch::nn::Module> of, ForwardFunction called)
      : module(std::move(of)), forward(std::move(called)) {}

  /// Makes one of a module whose forward takes a tensor for each input, or all in one
  /// std::vector. Calls with another number of inputs throw c10::Error.
  template <std::derived_from<torch::nn::Module> Module>
  OwnModel(std::shared_ptr<Module> of)  // NOLINT: a module is a model
      : module(of), forward([of](const std::vector<torch::Tensor>& inputs) {
          return call(*of, inputs, std::make_index_sequence<kOwnInputsMax>());
        }) {}

  /// Makes one of torch's holders: torch::nn::Sequential, torch::nn::Linear.
  template <typename Contained>
  OwnModel(const torch::nn::ModuleHolder<Contained>& holder)  // NOLINT: a module is a model
      : OwnModel(holder.ptr()) {}

 private:
  template <std::size_t>
  using One = const torch::Tensor&;

  template <typename Module, std::size_t... index>
  static bool call_of(Module& module, const std::vector<torch::Tensor>& inputs,
                      torch::Tensor& output, std::index_sequence<index...>) {
    if constexpr (requires(One<index>... each) {
                    { module.forward(each...) } -> std::convertible_to<torch::Tensor>;
                  }) {
      if (inputs.size() == sizeof...(index)) {
        output = module.forward(inputs[index]...);
        return true;
      }
    }
    return false;
  }

  template <typename Module, std::size_t... index>
  static torch::Tensor call(Module& module, const std::vector<torch::Tensor>& inputs,
                            std::index_sequence<index...>) {
    torch::Tensor output;
    if ((call_of(module, inputs, output, std::make_index_sequence<index + 1>()) || ...))
      return output;
    if constexpr (requires {
                    { module.forward(inputs) } -> std::convertible_to<torch::Tensor>;
                  }) {
      return module.forward(inputs);
    }
    TORCH_CHECK(false, "its forward does not take ", inputs.size(), " tensors");
  }
};

/// Trains a model of your own as train() does, with the same options, errors and files. The
/// options' model, hidden, output_index, loss, class_weights, optimizer, momentum, weight_decay and
/// learning_rate are not looked at; `parallel` is ddp. The inputs are those of a file's model (see
/// TrainOptions::input). Before the first step the model is tried on two samples of zeros; what
/// does not fit is Error{kInvalidArgument}. Rank 0's parameters are those of all ranks, and the
/// optimizer holds no others. A run that goes on needs the same parameters, by their names.
TrainSummary train_with(const OwnModel& model, const LossFunction& loss,
                        torch::optim::Optimizer& optimizer, const TrainOptions& options);

/// Trains a model of your own with the loss and the optimizer that the options name.
TrainSummary train_with(const OwnModel& model, const TrainOptions& options);

}  // namespace ringfeed
