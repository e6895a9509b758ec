// It waits on a condition of its own, which the stop wakes.
#include "train/reporter.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace ringfeed {

Reporter::Reporter(std::chrono::milliseconds interval, std::function<void()> report)
    : report_(std::move(report)),
      thread_([interval, report = report_](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        while (!never.wait_for(lock, stop, interval, [] { return false; }) &&
               !stop.stop_requested())
          report();
      }) {}

void Reporter::end() {
  if (!thread_.joinable()) return;
  thread_ = {};
  report_();
}

}  // namespace ringfeed
