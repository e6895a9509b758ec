// Losses of steps, added up over the ranks some steps at a time.
#pragma once

#include <torch/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <ringfeed/batch.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <utility>
#include <vector>

namespace ringfeed {

class StepLog {
 public:
  using Step = std::function<void(const TrainStep&)>;

  /// Does nothing without `step`. `steps`: trained on before.
  StepLog(ProcessGroup& group, Step step, double learning_rate, std::uint64_t steps)
      : group_(group), step_(std::move(step)), learning_rate_(learning_rate), steps_(steps) {}

  /// `loss`: the sum over this rank's samples, and `weight` what it is to be divided by.
  void add(const Batch& batch, const torch::Tensor& loss, double weight);
  /// The times of the step that was added last. A collective, now and then.
  void end_step(std::chrono::nanoseconds time, std::chrono::nanoseconds wait);
  /// A collective: all ranks call it after the same steps.
  void flush();

 private:
  ProcessGroup& group_;
  const Step step_;
  const double learning_rate_;
  std::uint64_t steps_;
  std::vector<TrainStep> waiting_;
  std::vector<torch::Tensor> losses_;  ///< of this rank: to fetch each would wait for the device
  std::vector<double> weights_;
};

}  // namespace ringfeed
