// What the trainer trains: a model that is built in, or one of a file.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <memory>
#include <unordered_set>
#include <vector>

namespace torch::nn {
class SequentialImpl;
}

namespace ringfeed {

/// Parameters and buffers have the names that they have in a file of weights.
class Model : public torch::nn::Module {
 public:
  /// `inputs`: [B, ...] each, those of Plan::inputs; of a built-in model one, [B,
  /// ...plan.input_shape]. Returns [B, outputs], in the parameters' dtype.
  virtual torch::Tensor forward(const std::vector<torch::Tensor>& inputs) = 0;

  /// The layers of a built-in model, which DataParallel can copy; else null.
  virtual std::shared_ptr<torch::nn::SequentialImpl> layers() const { return nullptr; }

  /// Of the parameters.
  virtual torch::ScalarType dtype() const { return torch::kFloat32; }
};

/// Each tensor once: two submodules may share one.
inline std::vector<torch::Tensor> distinct(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> kept;
  std::unordered_set<const void*> seen;
  for (const auto& tensor : tensors) {
    if (seen.insert(tensor.unsafeGetTensorImpl()).second) kept.push_back(tensor);
  }
  return kept;
}

}  // namespace ringfeed
