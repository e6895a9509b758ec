#include "base/pause.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace ringfeed {
namespace {

using namespace std::chrono_literals;

TEST(Pause, IsHalfToAllOfItAndNotTheSameForAll) {
  std::set<std::chrono::milliseconds> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto pause = spread(2s);
    EXPECT_GE(pause, 1s);
    EXPECT_LE(pause, 2s);
    seen.insert(pause);
  }
  EXPECT_GT(seen.size(), 100u);
  EXPECT_EQ(spread(0ms), 0ms);
  // Threads that begin together do not draw the same.
  std::set<std::chrono::milliseconds> firsts;
  for (int i = 0; i < 20; ++i) std::jthread([&] { firsts.insert(spread(24h)); }).join();
  EXPECT_GT(firsts.size(), 10u);
}

}  // namespace
}  // namespace ringfeed
