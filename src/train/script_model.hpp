// A model that was written in Python and saved as TorchScript.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <map>
#include <ringfeed/train.hpp>
#include <string>
#include <vector>

#include "train/model.hpp"
#include "train/plan.hpp"

namespace ringfeed {

/// Its parameters and buffers are registered with the names of the Python module's state_dict(),
/// and are the file's tensors themselves. To be used by one thread.
class ScriptModel final : public Model {
 public:
  /// Reads the file. Its forward takes plan.inputs, in their order. Errors, each naming the file:
  /// kNotFound; kInvalidArgument (no TorchScript, other inputs, nothing to train, parameters that
  /// are not all float32 or all float64).
  ScriptModel(const TrainOptions& options, const Plan& plan);

  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) override;
  void train(bool on = true) override;
  torch::ScalarType dtype() const override { return dtype_; }

  /// The hash of the file's bytes.
  const std::string& hash() const noexcept { return hash_; }

  /// Trains on two samples of zeros, without a trace: returns how many numbers the model gives for
  /// one. `classes`: of cross_entropy, which needs as many of them, else 0. Errors:
  /// kInvalidArgument (it does not take these inputs, or gives something else than one tensor of
  /// its dtype; with `needs_all`: a parameter that has no part in the output).
  std::int64_t try_out(std::int64_t classes, bool needs_all);

  /// What would be other than meant in training or evaluation; empty: nothing.
  std::string advice() const;

 private:
  [[noreturn]] void refuse(const std::string& what) const;
  void check_arguments() const;
  std::map<std::string, std::string> attributes() const;
  void check_gradients(const torch::Tensor& output, bool needs_all);
  torch::Tensor chosen(const torch::jit::IValue& output) const;

  const std::string path_;
  const std::string output_index_;
  const Plan plan_;
  std::string hash_;
  torch::ScalarType dtype_ = torch::kFloat32;
  torch::jit::Module script_;
};

}  // namespace ringfeed
