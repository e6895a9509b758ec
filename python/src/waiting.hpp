// Long calls: they run on a thread of their own, while Python's thread waits without the GIL, looks
// for Ctrl-C and runs what calls back.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>

#include "bindings.hpp"

namespace ringfeed::python {

/// The Python thread that waits, as the working thread sees it.
class Waiter {
 public:
  /// Asked to stop by Ctrl-C, and by an exception of what calls back.
  std::stop_token stop() const { return stop_.get_token(); }

  /// Runs `call` on the waiting thread, with the GIL. Throws what it throws; after an exception of
  /// Python Error{kCancelled}, and what was raised comes out of wait_for().
  void call(const std::function<void()>& call);

 private:
  friend void wait_for(const std::function<void(Waiter&)>& work);
  void serve();
  void end();
  void run_call();
  void interrupt(nb::python_error error);

  std::stop_source stop_;
  std::mutex mutex_;  ///< of the four below
  std::condition_variable changed_;
  const std::function<void()>* call_ = nullptr;
  std::exception_ptr failure_;
  bool ended_ = false;
  std::optional<nb::python_error> raised_;  ///< of the waiting thread alone
};

/// With the GIL held. Throws what `work` throws.
void wait_for(const std::function<void(Waiter&)>& work);

}  // namespace ringfeed::python
