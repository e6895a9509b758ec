// One all-reduce for many steps: of a small model it takes as long as a step.
#include "train/step_log.hpp"

#include <algorithm>
#include <utility>

namespace ringfeed {
namespace {

constexpr std::size_t kStepsMost = 50;

using Clock = std::chrono::steady_clock;

/// What the nodes have answered since.
std::vector<NodeAnswers> since(std::vector<NodeAnswers> nodes,
                               const std::vector<NodeAnswers>& before) {
  for (auto& node : nodes) {
    const auto found = std::ranges::find(before, node.node, &NodeAnswers::node);
    if (found != before.end()) take_durations(node.times, found->times);
  }
  return nodes;
}

}  // namespace

void StepLog::add(const Batch& batch, const torch::Tensor& loss, double weight,
                  double learning_rate) {
  if (!options_.step && !options_.interval) return;
  if (begun_ == Clock::time_point()) begun_ = Clock::now();
  waiting_.push_back({.epoch = static_cast<std::uint64_t>(batch.epoch),
                      .step = static_cast<std::uint64_t>(batch.step),
                      .steps = ++steps_,
                      .samples = static_cast<std::uint64_t>(batch.global_size),
                      .learning_rate = learning_rate});
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
  auto of_ranks =
      torch::zeros({group_.size(), static_cast<std::int64_t>(kTrainParts.size())}, torch::kFloat64);
  Spent now = spent_();
  auto* const own = of_ranks[group_.rank()].mutable_data_ptr<double>();
  for (std::size_t i = 0; i < kTrainParts.size(); ++i)
    own[i] = now.seconds.*kTrainParts[i] - before_.seconds.*kTrainParts[i];
  auto nodes = since(now.nodes, before_.nodes);
  before_ = std::move(now);
  const auto sums = torch::cat({losses, weights, of_ranks.flatten()});
  group_.all_reduce(sums);
  if (group_.rank() == 0) report(steps, sums.const_data_ptr<double>(), std::move(nodes));
}

/// `sums`: of each step the loss, then the weight; then a row of seconds for each rank.
void StepLog::report(const std::vector<TrainStep>& steps, const double* sums,
                     std::vector<NodeAnswers> nodes) {
  const double* const weight = sums + steps.size();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    TrainStep step = steps[i];
    step.loss = sums[i] / weight[i];
    if (options_.step) options_.step(step);
  }
  TrainInterval interval{.steps = steps.back().steps, .begin = end_, .nodes = std::move(nodes)};
  interval.end = end_ = std::chrono::duration<double>(Clock::now() - begun_).count();
  const double* seconds = weight + steps.size();
  for (int rank = 0; rank < group_.size(); ++rank) {
    auto& of_rank = interval.ranks.emplace_back();
    for (const auto part : kTrainParts) of_rank.*part = *seconds++;
  }
  if (options_.interval) options_.interval(interval);
}

}  // namespace ringfeed
