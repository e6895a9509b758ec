#include "base/background.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace ringfeed {
namespace {

TEST(Background, IsForTheCallingThreadOnly) {
  int of_thread = -1;
  std::thread([&] {
    run_in_background();
    of_thread = sched_getscheduler(0);
  }).join();
  EXPECT_EQ(of_thread, SCHED_BATCH);
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
}

}  // namespace
}  // namespace ringfeed
