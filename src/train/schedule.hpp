// How the learning rate goes over the steps of a run.
#pragma once

#include <torch/optim/optimizer.h>

#include <cstdint>
#include <ringfeed/train.hpp>
#include <vector>

#include "train/plan.hpp"

namespace ringfeed {

/// A function of the number of a step alone: a run that goes on has no state of it to restore.
class Schedule {
 public:
  /// `steps`: of all epochs. Throws Error{kInvalidArgument}: more warm-up than steps.
  Schedule(const TrainOptions& options, ScheduleKind kind, std::uint64_t steps);

  /// What the learning rate of a step, counted from 0, is multiplied by.
  double factor(std::uint64_t step) const;

 private:
  double one_cycle(double step) const;

  const ScheduleKind kind_;
  const double steps_;
  const double warm_up_;
  const double decay_every_;
  const double decay_;
};

/// Sets the rate of an optimizer, of each of its groups from the one that it has at first, and has
/// again when this is gone.
class LearningRate {
 public:
  LearningRate(torch::optim::Optimizer& optimizer, const Schedule& schedule);
  ~LearningRate() { scale(1); }
  LearningRate(const LearningRate&) = delete;
  LearningRate& operator=(const LearningRate&) = delete;

  void set(std::uint64_t step) { scale(schedule_.factor(step)); }
  /// Of the first group.
  double get() const { return optimizer_.param_groups().front().options().get_lr(); }

 private:
  void scale(double factor);

  torch::optim::Optimizer& optimizer_;
  const Schedule schedule_;
  std::vector<double> initial_;
};

}  // namespace ringfeed
