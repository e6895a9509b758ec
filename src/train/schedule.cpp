// The formulas of torch.optim.lr_scheduler: StepLR, CosineAnnealingLR, OneCycleLR, LinearLR.
#include "train/schedule.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <ringfeed/error.hpp>

#include "base/option.hpp"

namespace ringfeed {
namespace {

// Of OneCycleLR: what it begins and ends with, and the share of the steps in which it rises.
constexpr double kFirstShare = 1.0 / 25;
constexpr double kLastShare = kFirstShare / 1e4;
constexpr double kRise = 0.3;

/// From `begin` to `end` along half a cosine; `part` from 0 to 1.
double anneal(double begin, double end, double part) {
  return end + (begin - end) / 2 * (1 + std::cos(std::numbers::pi * part));
}

}  // namespace

Schedule::Schedule(const TrainOptions& options, ScheduleKind kind, std::uint64_t steps)
    : kind_(kind),
      steps_(static_cast<double>(steps)),
      warm_up_(static_cast<double>(options.warm_up)),
      decay_every_(static_cast<double>(options.decay_every)),
      decay_(options.decay) {
  if (options.warm_up > 0 && options.warm_up >= steps) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} steps of warm-up are not less than the {} steps of the run; give "
                            "a smaller {}, or more epochs",
                            options.warm_up, steps, option_name("warm-up")));
  }
}

double Schedule::factor(std::uint64_t number) const {
  const auto step = static_cast<double>(number);
  if (kind_ == ScheduleKind::kOneCycle) return one_cycle(step);
  if (step < warm_up_) return (step + 1) / warm_up_;
  const double since = step - warm_up_;
  switch (kind_) {
    case ScheduleKind::kStep:
      return std::pow(decay_, std::floor(since / decay_every_));
    case ScheduleKind::kCosine:
      return anneal(1, 0, since / (steps_ - warm_up_));
    case ScheduleKind::kConstant:
    case ScheduleKind::kOneCycle:
      break;
  }
  return 1;
}

double Schedule::one_cycle(double step) const {
  const double peak = (warm_up_ > 0 ? warm_up_ : kRise * steps_) - 1;
  if (step <= peak) return peak > 0 ? anneal(kFirstShare, 1, step / peak) : 1;
  const double rest = steps_ - 1 - peak;
  return rest > 0 ? anneal(1, kLastShare, (step - peak) / rest) : 1;
}

LearningRate::LearningRate(torch::optim::Optimizer& optimizer, const Schedule& schedule)
    : optimizer_(optimizer), schedule_(schedule) {
  for (const auto& group : optimizer.param_groups()) initial_.push_back(group.options().get_lr());
}

void LearningRate::scale(double factor) {
  auto initial = initial_.begin();
  for (auto& group : optimizer_.param_groups()) group.options().set_lr(*initial++ * factor);
}

}  // namespace ringfeed
