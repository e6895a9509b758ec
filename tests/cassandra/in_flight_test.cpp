// The bytes under way against links that are simulated: a rate, a round trip.
#include "store/cassandra/in_flight.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;
using Clock = InFlight::Clock;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kBlock = 512 << 10;
constexpr std::uint64_t kLeast = 32 * kMiB;
constexpr std::uint64_t kMost = 256 * kMiB;

/// Reads blocks over a link for so long, as many at once as the limit lets. Returns bytes per
/// second of the second half.
double run(InFlight& in_flight, double bytes_per_second, std::chrono::milliseconds round_trip,
           std::chrono::seconds time, Clock::time_point& now) {
  const auto of_block = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(static_cast<double>(kBlock) / bytes_per_second));
  std::deque<Clock::time_point> answers;
  auto link_free = now;
  const auto begin = now;
  std::uint64_t second_half = 0;
  while (now < begin + time) {
    while ((answers.size() + 1) * kBlock <= in_flight.limit()) {
      link_free = std::max(link_free, now) + of_block;
      answers.push_back(link_free + round_trip);
    }
    now = std::max(now, answers.front());
    answers.pop_front();
    in_flight.note_answer(kBlock, now);
    if (now > begin + time / 2) second_half += kBlock;
  }
  return static_cast<double>(second_half) / std::chrono::duration<double>(time / 2).count();
}

TEST(InFlight, StaysWhereMoreIsNotFaster) {
  InFlight in_flight(kLeast, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 60s, now);
  EXPECT_EQ(in_flight.limit(), kLeast);
}

TEST(InFlight, GrowsToWhatALongLinkHolds) {
  for (const auto& [round_trip, rate] :
       {std::pair(100ms, 600e6), std::pair(200ms, 500e6), std::pair(100ms, 1'000e6)}) {
    InFlight in_flight(kLeast, kMost);
    Clock::time_point now{1s};
    const double reached = run(in_flight, rate, round_trip, 10s, now);
    EXPECT_GT(reached, 0.9 * rate) << in_flight.limit() / kMiB;
    EXPECT_LE(in_flight.limit(), kMost);
  }
}

TEST(InFlight, GrowsLaterWhenTheLinkGetsLonger) {
  InFlight in_flight(kLeast, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 10s, now);
  const double reached = run(in_flight, 600e6, 100ms, 60s, now);
  EXPECT_GT(reached, 0.9 * 600e6);
}

TEST(InFlight, IsHalvedOnOverloadOnceForAllThatIsUnderWay) {
  InFlight in_flight(kLeast, kMost);
  Clock::time_point now{1s};
  for (int i = 0; i < 64; ++i) in_flight.note_overload(now + i * 1ms);
  EXPECT_EQ(in_flight.limit(), kLeast / 2);
}

TEST(InFlight, ASlowTrainerSaysNothing) {
  InFlight in_flight(kLeast, kMost);
  Clock::time_point now{1s};
  for (int i = 0; i < 10'000; ++i) {
    in_flight.note_idle();
    in_flight.note_answer(kBlock, now += 1ms);
  }
  EXPECT_EQ(in_flight.limit(), kLeast);
}

}  // namespace
}  // namespace ringfeed::cassandra
