// One mutex, two conditions: a task is there, a place is there.
#include "base/thread_pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "base/background.hpp"

namespace ringfeed {

ThreadPool::ThreadPool(int threads, std::size_t queue_max) : queue_max_(queue_max) {
  constexpr int kThreadsMax = 256;
  if (threads < 1 || threads > kThreadsMax) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} threads asked for; choose 1 to {}", threads, kThreadsMax));
  }
  threads_.reserve(static_cast<std::size_t>(threads));
  try {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  } catch (...) {
    // Those that did start wait for tasks, and would be joined without ever being told to end.
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    task_there_.notify_all();
    throw;
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  task_there_.notify_all();
}

void ThreadPool::submit(Task task) {
  {
    std::unique_lock lock(mutex_);
    if (tasks_.size() >= queue_max_) {
      const auto self = std::this_thread::get_id();
      if (std::any_of(threads_.begin(), threads_.end(),
                      [&](const auto& thread) { return thread.get_id() == self; })) {
        throw Error(
            ErrorCode::kInternal,
            fmt::format("a task adds to a queue that already holds {} tasks; ask for less at once",
                        tasks_.size()));
      }
      place_there_.wait(lock, [&] { return tasks_.size() < queue_max_; });
    }
    tasks_.push_back(std::move(task));
  }
  task_there_.notify_one();
}

bool ThreadPool::is_idle() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size() < waiting_;
}

void ThreadPool::run() {
  run_in_background();
  while (true) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      ++waiting_;
      task_there_.wait(lock, [&] { return ending_ || !tasks_.empty(); });
      --waiting_;
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    place_there_.notify_one();
    task();
  }
}

}  // namespace ringfeed
