// A model of train_with().
#pragma once

#include <memory>
#include <ringfeed/train_with.hpp>
#include <vector>

#include "train/column_model.hpp"

namespace ringfeed {

/// Its parameters and buffers are registered with the names that they have in the module, and are
/// the module's tensors themselves.
class ModelOfCaller final : public ColumnModel {
 public:
  /// Throws Error{kInvalidArgument}: nothing to train, parameters that are not all float32 or all
  /// float64.
  ModelOfCaller(const OwnModel& model, const Plan& plan);

  void train(bool on = true) override;

 private:
  torch::Tensor call(const std::vector<torch::Tensor>& inputs) override { return forward_(inputs); }

  std::shared_ptr<torch::nn::Module> module_;
  ForwardFunction forward_;
};

}  // namespace ringfeed
