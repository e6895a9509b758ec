// A fixed number of threads that run tasks in the order they came, from a queue of bounded length,
// in the background (base/background.hpp).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ringfeed {

class ThreadPool {
 public:
  /// A task must not throw.
  using Task = std::function<void()>;

  /// `threads` (1 to 256) start at once; at most `queue_max` tasks wait for one of them.
  ThreadPool(int threads, std::size_t queue_max);
  /// Waits until all tasks have run.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  /// Waits while the queue is full. From a task of this pool it would wait for itself:
  /// Error{kInternal} then.
  void submit(Task task);

  /// Whether a task would run at once.
  bool is_idle() const;

 private:
  void run();
  const std::size_t queue_max_;
  mutable std::mutex mutex_;
  std::condition_variable task_there_;
  std::condition_variable place_there_;
  std::deque<Task> tasks_;
  std::size_t waiting_ = 0;  ///< threads without a task
  bool ending_ = false;
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace ringfeed
