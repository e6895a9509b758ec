// What an evaluation shows beside its means: which classes are mistaken for which, and the samples
// that the model is most wrong about.
#pragma once

#include <ringfeed/batch.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <vector>

#include "train/losses.hpp"

namespace ringfeed {

/// Gets the batches of one rank.
class EvaluationDetails {
 public:
  /// `outputs`: numbers that the model gives per sample.
  EvaluationDetails(LossKind kind, std::int64_t outputs);

  /// A batch with the numbers of its samples, what the model said of it, and the target as the loss
  /// takes it.
  void add(const Batch& batch, const Loss& loss, const torch::Tensor& output,
           const torch::Tensor& target);

  /// Of all ranks, the same on each.
  Evaluation gather(ProcessGroup& group) const;

 private:
  void keep_worst();

  const LossKind kind_;
  const std::int64_t outputs_;
  torch::Tensor confusion_;  ///< float64 [classes, classes]; undefined: there is none
  std::vector<Evaluation::Sample> worst_;
};

}  // namespace ringfeed
