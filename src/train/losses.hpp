// Losses as sums over samples, so that ranks with different numbers of samples add up to the loss
// of the whole step.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <ringfeed/train_with.hpp>
#include <vector>

#include "train/plan.hpp"

namespace ringfeed {

/// `target` with the shape of `output`: equal shapes, or one of them has a last dimension of 1
/// more. Never broadcast: anything else is Error{kInvalidArgument}.
torch::Tensor fit_target(const torch::Tensor& target, const torch::Tensor& output);

/// A target that the manifest's range of its column rules out.
struct BadTarget {
  std::int64_t sample = 0;  ///< of the batch, from 0
  double value = 0;
};

class Loss {
 public:
  /// `class_weights`: one per class, or empty. `outputs` has dtype and device of the outputs.
  /// `label_smoothing`: of cross_entropy.
  Loss(LossKind kind, const std::vector<double>& class_weights, torch::TensorOptions outputs,
       double label_smoothing = 0);
  /// kOwn, or kModel, whose function gives the output. Targets that are not looked at have the
  /// samples as their first dimension.
  Loss(LossKind kind, LossFunction own, torch::TensorOptions outputs);

  /// A batch of the target column ([B, ...]) as the loss takes it, on the outputs' device: int64
  /// [B] for cross_entropy; for one of the caller what LossFunction says; else the outputs' dtype,
  /// [B, elements].
  torch::Tensor target(const torch::Tensor& column) const;

  /// The first sample of a batch of the target column that has no loss: a label below 0 or from
  /// `classes` on, for bce a value outside 0 to 1.
  std::optional<BadTarget> find_bad(const torch::Tensor& column, std::int64_t classes) const;

  /// Sum over the samples of their loss (a sample's loss is the mean over its elements), each times
  /// its class weight.
  torch::Tensor sum(const torch::Tensor& output, const torch::Tensor& target) const;

  /// The loss of each sample, times its class weight. [B]; not for kModel and kOwn.
  torch::Tensor each(const torch::Tensor& output, const torch::Tensor& target) const;

  bool weighted() const noexcept { return class_weights_.defined(); }
  /// What these samples count: their number, or with class weights the sum of those. float64, no
  /// dimension; on the outputs' device with class weights, else on the CPU.
  torch::Tensor weight(const torch::Tensor& target) const;

  /// Samples whose class is predicted right, a sample being one element for bce. Null for those
  /// without classes.
  std::optional<torch::Tensor> correct(const torch::Tensor& output,
                                       const torch::Tensor& target) const;

 private:
  torch::Tensor own_sum(const torch::Tensor& output, const torch::Tensor& target) const;

  LossKind kind_;
  LossFunction own_;
  torch::TensorOptions outputs_;
  torch::Tensor class_weights_;
  double label_smoothing_ = 0;
};

/// By this a rank multiplies its sum of losses: data parallelism then takes the mean over the
/// ranks, and the result is the mean over `step_weight`, the weight of the whole step over all
/// ranks. 0 when that is 0.
double step_scale(int world_size, double step_weight);

}  // namespace ringfeed
