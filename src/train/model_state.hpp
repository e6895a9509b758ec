// Model and optimizer as files: the weights of a run, and what a checkpoint holds of them.
#pragma once

#include <torch/nn/module.h>
#include <torch/optim/optimizer.h>

#include <nlohmann/json.hpp>
#include <ringfeed/train.hpp>
#include <string>
#include <utility>
#include <vector>

#include "train/plan.hpp"
#include "train/resume.hpp"
#include "train/weight_average.hpp"

namespace ringfeed {

/// Of one rank. All that it is made of must stay.
class ModelState {
 public:
  /// `average`: of the module's parameters; null: there is none.
  ModelState(const TrainOptions& options, const Plan& plan, torch::nn::Module& module,
             torch::optim::Optimizer& optimizer, const WeightAverage* average)
      : options_(options), plan_(plan), module_(module), optimizer_(optimizer), average_(average) {}

  /// Puts the weights and the optimizer's state of a checkpoint into model and optimizer; the
  /// optimizer keeps its options, which may be changed between two starts. Throws
  /// Error{kInvalidArgument} when the checkpoint is of another model, Error{kBadData} when it is
  /// damaged.
  void load(const Resumed& resumed);

  /// Writes parameters and buffers as safetensors, with model() among the metadata.
  void write_weights(const std::string& path) const;

  /// Writes the average, if there is one.
  void write_average(const std::string& path) const;

  /// Writes the bytes of torch::save().
  void write_optimizer(const std::string& path) const;

  /// What the weights are of: shapes, columns, loss.
  nlohmann::ordered_json model() const;

  /// What the optimizer's state and the sums of losses depend on beside the model.
  nlohmann::ordered_json training() const;

 private:
  void check_fits(const Resumed& resumed) const;
  void load_tensors(const Resumed& resumed, const char* file, const std::string& bytes,
                    const NamedTensors& own) const;
  void load_optimizer(const Resumed& resumed);
  void write_tensors(const std::string& path, const NamedTensors& named) const;
  NamedTensors named_tensors() const;

  const TrainOptions& options_;
  const Plan& plan_;
  torch::nn::Module& module_;
  torch::optim::Optimizer& optimizer_;
  const WeightAverage* const average_;
};

}  // namespace ringfeed
