// One all-reduce for many steps: of a small model it takes as long as a step.
#include "train/step_log.hpp"

#include <algorithm>
#include <utility>

namespace ringfeed {
namespace {

constexpr std::size_t kStepsMost = 50;

}  // namespace

void StepLog::add(const Batch& batch, const torch::Tensor& loss, double weight) {
  if (!step_) return;
  waiting_.push_back({.epoch = static_cast<std::uint64_t>(batch.epoch),
                      .step = static_cast<std::uint64_t>(batch.step),
                      .steps = ++steps_,
                      .samples = static_cast<std::uint64_t>(batch.global_size),
                      .learning_rate = learning_rate_});
  losses_.push_back(loss.detach());
  weights_.push_back(weight);
}

void StepLog::end_step(std::chrono::nanoseconds time, std::chrono::nanoseconds wait) {
  if (waiting_.empty()) return;
  waiting_.back().seconds = std::chrono::duration<double>(time).count();
  waiting_.back().wait_seconds = std::chrono::duration<double>(wait).count();
  if (waiting_.size() >= kStepsMost) flush();
}

void StepLog::flush() {
  if (waiting_.empty()) return;
  const auto steps = std::exchange(waiting_, {});
  const auto losses = torch::stack(std::exchange(losses_, {})).to(torch::kCPU, torch::kFloat64);
  const auto weights = torch::tensor(std::exchange(weights_, {}), torch::kFloat64);
  const auto sums = torch::stack({losses, weights});
  group_.all_reduce(sums);
  if (group_.rank() != 0) return;
  const auto* loss = sums.const_data_ptr<double>();
  const auto* weight = loss + steps.size();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    TrainStep step = steps[i];
    step.loss = loss[i] / weight[i];
    step_(step);
  }
}

}  // namespace ringfeed
