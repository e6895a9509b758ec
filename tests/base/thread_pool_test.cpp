#include "base/thread_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <ringfeed/error.hpp>
#include <thread>

namespace ringfeed {
namespace {

TEST(ThreadPool, RunsAllTasksBeforeItEnds) {
  for (const int threads : {1, 3}) {
    std::atomic<int> ran = 0;
    {
      ThreadPool pool(threads, 4);  // shorter than the number of tasks: submit waits
      for (int i = 0; i < 1000; ++i) pool.submit([&] { ++ran; });
    }
    EXPECT_EQ(ran, 1000);
  }
}

TEST(ThreadPool, OneThreadKeepsTheOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1, 100);
    for (int i = 0; i < 50; ++i) pool.submit([&order, i] { order.push_back(i); });
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(ThreadPool, ThreadsWorkAtTheSameTime) {
  std::latch meet(3);  // would never come to an end with fewer threads
  ThreadPool pool(3, 10);
  for (int i = 0; i < 3; ++i) pool.submit([&] { meet.arrive_and_wait(); });
}

TEST(ThreadPool, IsIdleWhileATaskWouldRunAtOnce) {
  ThreadPool pool(2, 10);
  const auto becomes = [&](bool idle) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (pool.is_idle() != idle && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    return pool.is_idle() == idle;
  };
  std::latch over(1);
  EXPECT_TRUE(becomes(true));
  pool.submit([&] { over.wait(); });
  EXPECT_TRUE(becomes(true));  // the other thread's
  pool.submit([&] { over.wait(); });
  EXPECT_FALSE(pool.is_idle());
  over.count_down();
  EXPECT_TRUE(becomes(true));
}

TEST(ThreadPool, ATaskMayAddTasksButNotWaitForItself) {
  std::atomic<int> ran = 0;
  std::atomic<bool> refused = false;
  {
    ThreadPool pool(1, 2);
    pool.submit([&] {
      try {
        for (int i = 0; i < 3; ++i) pool.submit([&] { ++ran; });
      } catch (const Error& error) {
        refused = error.code() == ErrorCode::kInternal;
      }
    });
  }
  EXPECT_EQ(ran, 2);
  EXPECT_TRUE(refused);
}

TEST(ThreadPool, BoundsItsThreads) {
  for (const int threads : {0, -1, 257}) {
    try {
      ThreadPool pool(threads, 1);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    }
  }
}

}  // namespace
}  // namespace ringfeed
