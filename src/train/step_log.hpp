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

/// What a rank has spent so far, and the nodes of its store.
struct Spent {
  TrainSeconds seconds = {};
  std::vector<NodeAnswers> nodes = {};
};

class StepLog {
 public:
  /// Does nothing unless the options want to know. `steps`: trained on before; `spent` says what
  /// this rank has spent so far.
  StepLog(ProcessGroup& group, const TrainOptions& options, std::uint64_t steps,
          std::function<Spent()> spent)
      : group_(group), options_(options), steps_(steps), spent_(std::move(spent)) {}

  /// `loss`: the sum over this rank's samples, and `weight` what it is to be divided by.
  void add(const Batch& batch, const torch::Tensor& loss, double weight, double learning_rate);
  /// The times of the step that was added last. A collective, now and then.
  void end_step(std::chrono::nanoseconds time, std::chrono::nanoseconds wait);
  /// A collective: all ranks call it after the same steps.
  void flush();

 private:
  void report(const std::vector<TrainStep>& steps, const double* sums,
              std::vector<NodeAnswers> nodes);

  ProcessGroup& group_;
  const TrainOptions& options_;
  std::uint64_t steps_;
  const std::function<Spent()> spent_;
  Spent before_;                                 ///< by the end of the last interval
  std::chrono::steady_clock::time_point begun_;  ///< with the first step
  double end_ = 0;                               ///< of the last interval
  std::vector<TrainStep> waiting_;
  std::vector<torch::Tensor> losses_;  ///< of this rank: to fetch each would wait for the device
  std::vector<double> weights_;
};

}  // namespace ringfeed
