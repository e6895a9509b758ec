// Figures of an evaluation beside loss and accuracy.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>

#include "train/plan.hpp"

namespace ringfeed {

/// Of cross_entropy with TrainOptions::top_k the share of samples whose class is among the k
/// likeliest; of mse the mean absolute error and R2. Gets the batches of one rank.
class EvaluationFigures {
 public:
  EvaluationFigures(const TrainOptions& options, const Plan& plan)
      : loss_(plan.loss), top_k_(static_cast<std::int64_t>(options.top_k.value_or(0))) {}

  void add(const torch::Tensor& output, const torch::Tensor& target);

  /// Over all ranks; a collective.
  ValidationFigures gather(ProcessGroup& group) const;

 private:
  void add_numbers(const torch::Tensor& output, const torch::Tensor& target);
  ValidationFigures gather_numbers(ProcessGroup& group) const;

  const LossKind loss_;
  const std::int64_t top_k_;
  double samples_ = 0;
  double among_ = 0;     ///< samples whose class is among the k
  double absolute_ = 0;  ///< sum over the samples of the mean over their elements
  double squared_ = 0;   ///< sum over all elements
  // Of each element of the target, for the variance: undefined before the first batch.
  torch::Tensor mean_;
  torch::Tensor deviation_;  ///< sum of squares about the mean
};

}  // namespace ringfeed
