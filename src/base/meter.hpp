// What a stage counts of its own work. Each stage has its meters as members, and hands them out
// when it is asked (<ringfeed/meters.hpp>).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ringfeed/meters.hpp>
#include <string>
#include <utility>

namespace ringfeed {

/// Thread-safe.
class Counter {
 public:
  void add(std::uint64_t count = 1) noexcept { value_.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// Durations of one kind of work, on any number of threads: their sum, and how many there were of
/// each power of two of nanoseconds. Thread-safe.
class TimeHistogram {
 public:
  using Clock = std::chrono::steady_clock;

  /// Records from its making to its end.
  class Span {
   public:
    explicit Span(TimeHistogram& histogram) : histogram_(histogram) {}
    ~Span() { histogram_.record(Clock::now() - start_); }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    TimeHistogram& histogram_;
    const Clock::time_point start_ = Clock::now();
  };

  void record(Clock::duration time) noexcept;
  double seconds() const noexcept {
    return 1e-9 * static_cast<double>(nanoseconds_.load(std::memory_order_relaxed));
  }
  Meter meter(std::string name, std::string help, Meter::Labels labels = {}) const;

 private:
  // Up to two minutes; what is longer is counted in the last.
  static constexpr std::size_t kBuckets = 38;

  std::atomic<std::uint64_t> nanoseconds_ = 0;
  std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};  ///< by the bits of the nanoseconds
};

/// What the threads of a store spend on checking and decoding blocks, of every store alike
/// (BlockReader::add_meters). Thread-safe.
class CheckMeter {
 public:
  /// One block, from its making to its end.
  class Span {
   public:
    explicit Span(CheckMeter& meter);
    ~Span();
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    CheckMeter& meter_;
    const TimeHistogram::Clock::time_point start_;
    const std::chrono::nanoseconds on_core_;  ///< of this thread before
  };

  void add_to(Meters& meters, const Meter::Labels& labels = {}) const;

 private:
  TimeHistogram times_;
  Counter waited_nanoseconds_;
};

inline Meter counter_meter(std::string name, std::string help, std::uint64_t value,
                           Meter::Labels labels = {}) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = MeterKind::kCounter,
          .labels = std::move(labels),
          .value = static_cast<double>(value)};
}
inline Meter gauge_meter(std::string name, std::string help, double value,
                         Meter::Labels labels = {}) {
  return {.name = std::move(name),
          .help = std::move(help),
          .kind = MeterKind::kGauge,
          .labels = std::move(labels),
          .value = value};
}

}  // namespace ringfeed
