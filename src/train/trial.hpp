// A trial: a short run that is timed once it is warm.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <ringfeed/batch.hpp>
#include <ringfeed/train.hpp>
#include <stop_token>

namespace ringfeed {

/// One rank's. Each has its own clock; they end at the same step by a FinishRequest on finish().
class TrialRun {
 public:
  explicit TrialRun(const Trial& trial) : trial_(trial) {}

  std::stop_token finish() const { return finish_.get_token(); }
  /// Of `next`: the next batch, or with Trial::held_batch the first one each time.
  template <typename Next>
  std::optional<Batch> batch(const Next& next) {
    if (!trial_.held_batch) return next();
    if (!held_) held_ = next();
    return held_;
  }
  /// After each step; `samples` were trained on since the run began. `seconds` gives where the time
  /// went until now.
  template <typename Seconds>
  void end_step(std::uint64_t samples, const Seconds& seconds) {
    const auto now = Clock::now();
    if (!warm_ && now - start_ >= trial_.warm_up)
      warm_ = Warm{now, samples, cpu_seconds(), seconds()};
    if (warm_ && now - warm_->time >= trial_.time) finish_.request_stop();
  }
  /// What came behind the warming up; all, when the epochs were over before it.
  void fill(TrainSummary& summary, const TrainSeconds& seconds) const {
    if (!warm_) return;
    summary.samples -= warm_->samples;
    summary.cpu_seconds = cpu_seconds() - warm_->cpu_seconds;
    summary.seconds = seconds;
    for (const auto part : kTrainParts) summary.seconds.*part -= warm_->seconds.*part;
    summary.seconds.total = std::chrono::duration<double>(Clock::now() - warm_->time).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Warm {
    Clock::time_point time;
    std::uint64_t samples = 0;
    double cpu_seconds = 0;
    TrainSeconds seconds;
  };

  static double cpu_seconds() {
    rusage used = {};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds_of = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  }

  const Trial trial_;
  const Clock::time_point start_ = Clock::now();
  std::stop_source finish_;
  std::optional<Batch> held_;
  std::optional<Warm> warm_;
};

}  // namespace ringfeed
