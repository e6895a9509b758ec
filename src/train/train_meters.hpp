// Where the time of one rank's training goes.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <ringfeed/meters.hpp>
#include <ringfeed/train.hpp>
#include <utility>

#include "base/meter.hpp"

namespace ringfeed {

/// Records the time since it was last asked.
class Stopwatch {
 public:
  TimeHistogram::Clock::duration lap(TimeHistogram& times) {
    const auto now = TimeHistogram::Clock::now();
    const auto time = now - std::exchange(last_, now);
    times.record(time);
    return time;
  }

 private:
  TimeHistogram::Clock::time_point last_ = TimeHistogram::Clock::now();
};

/// Of one rank.
struct TrainMeters {
  TimeHistogram wait, forward, backward, all_reduce, optimizer;
  TimeHistogram steps;   ///< with their waits
  TimeHistogram epochs;  ///< without evaluation
  Counter samples;       ///< over all ranks
  std::atomic<double> loss = std::numeric_limits<double>::quiet_NaN();

  /// But for what the feed does beside them.
  TrainSeconds seconds() const {
    return {.total = steps.seconds(),
            .wait = wait.seconds(),
            .forward = forward.seconds(),
            .backward = backward.seconds(),
            .all_reduce = all_reduce.seconds(),
            .optimizer = optimizer.seconds()};
  }

  void add_to(Meters& meters) const {
    const char* const help = "Parts of the steps, on the training thread.";
    for (const auto& [name, times] : {std::pair("wait", &wait),
                                      {"forward", &forward},
                                      {"backward", &backward},
                                      {"all_reduce", &all_reduce},
                                      {"optimizer", &optimizer}})
      meters.push_back(times->meter("ringfeed_train_part_seconds", help, {{"part", name}}));
    meters.push_back(steps.meter("ringfeed_train_step_seconds", "Steps, with their waits."));
    meters.push_back(counter_meter("ringfeed_train_samples_total",
                                   "Samples that all ranks were trained on.", samples.value()));
    if (!std::isnan(loss)) {
      meters.push_back(gauge_meter("ringfeed_train_epoch_loss",
                                   "The mean loss of the last epoch that ended.", loss));
    }
  }
};

}  // namespace ringfeed
