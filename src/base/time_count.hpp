// Time that several threads spend on one kind of work.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace ringfeed {

/// Thread-safe.
class TimeCount {
 public:
  /// Counts from its making to its end.
  class Span {
   public:
    explicit Span(TimeCount& count) : count_(count) {}
    ~Span() {
      const auto time = std::chrono::steady_clock::now() - start_;
      count_.nanoseconds_.fetch_add(std::chrono::nanoseconds(time).count(),
                                    std::memory_order_relaxed);
    }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    TimeCount& count_;
    const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  };

  double seconds() const noexcept {
    return 1e-9 * static_cast<double>(nanoseconds_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<std::int64_t> nanoseconds_ = 0;
};

}  // namespace ringfeed
