// Calls a function each so often, on a thread of its own.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <thread>

namespace ringfeed {

class Reporter {
 public:
  /// Does nothing.
  Reporter() = default;
  /// `report` must not throw.
  Reporter(std::chrono::milliseconds interval, std::function<void()> report);
  /// Ends it. What it ends with is a last report.
  void end();
  ~Reporter() { end(); }
  Reporter(Reporter&&) = default;
  Reporter& operator=(Reporter&&) = delete;

 private:
  std::function<void()> report_;
  std::jthread thread_;
};

}  // namespace ringfeed
