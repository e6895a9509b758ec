// Objects of Python never leave the waiting thread.
#include "waiting.hpp"

#include <chrono>
#include <ringfeed/error.hpp>
#include <thread>
#include <utility>

namespace ringfeed::python {

void Waiter::call(const std::function<void()>& call) {
  std::unique_lock lock(mutex_);
  call_ = &call;
  failure_ = nullptr;
  changed_.notify_all();
  changed_.wait(lock, [&] { return call_ == nullptr; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Waiter::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Waiter::interrupt(nb::python_error error) {
  if (!raised_) raised_.emplace(std::move(error));
  stop_.request_stop();
}

void Waiter::run_call() {
  std::exception_ptr failure;
  try {
    if (raised_) throw Error(ErrorCode::kCancelled, "interrupted");
    (*call_)();
  } catch (nb::python_error& error) {
    interrupt(std::move(error));
    failure = std::make_exception_ptr(Error(ErrorCode::kCancelled, "interrupted"));
  } catch (...) {
    failure = std::current_exception();
  }
  const nb::gil_scoped_release
      release;  // the other thread may want it before it gives the mutex up
  const std::lock_guard lock(mutex_);
  failure_ = std::move(failure);
  call_ = nullptr;
  changed_.notify_all();
}

void Waiter::serve() {
  while (true) {
    bool called = false;
    {
      const nb::gil_scoped_release release;
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kSignalPause, [&] { return ended_ || call_ != nullptr; });
      if (ended_) return;
      called = call_ != nullptr;
    }
    if (called) run_call();
    try {
      check_signals();
    } catch (nb::python_error& error) {
      interrupt(std::move(error));
    }
  }
}

void wait_for(const std::function<void(Waiter&)>& work) {
  Waiter waiter;
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      work(waiter);
    } catch (...) {
      failure = std::current_exception();
    }
    waiter.end();
  });
  waiter.serve();
  {
    const nb::gil_scoped_release release;
    thread.join();
  }
  if (waiter.raised_) throw std::move(*waiter.raised_);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace ringfeed::python
