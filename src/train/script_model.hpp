// A model that was written in Python and saved as TorchScript.
#pragma once

#include <torch/csrc/jit/api/module.h>

#include <map>
#include <ringfeed/train.hpp>
#include <string>
#include <vector>

#include "train/column_model.hpp"

namespace ringfeed {

/// Its parameters and buffers are registered with the names of the Python module's state_dict(),
/// and are the file's tensors themselves.
class ScriptModel final : public ColumnModel {
 public:
  /// Reads the file. Its forward takes plan.inputs, in their order. Errors, each naming the file:
  /// kNotFound; kInvalidArgument (no TorchScript, other inputs, nothing to train, parameters that
  /// are not all float32 or all float64).
  ScriptModel(const TrainOptions& options, const Plan& plan);

  void train(bool on = true) override;

  /// The hash of the file's bytes.
  const std::string& hash() const noexcept { return hash_; }

  std::string advice() const override;

 private:
  torch::Tensor call(const std::vector<torch::Tensor>& inputs) override;
  std::map<std::string, std::string> attributes() const override;
  void check_arguments() const;
  torch::Tensor chosen(const torch::jit::IValue& output) const;

  const std::string path_;
  const std::string output_index_;
  std::string hash_;
  torch::jit::Module script_;
};

}  // namespace ringfeed
