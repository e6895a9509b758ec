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
constexpr std::uint64_t kEnough = 32 * kMiB;
constexpr std::uint64_t kMost = 256 * kMiB;

struct Answer {
  Clock::time_point asked;
  Clock::time_point came;
};

/// Reads blocks over a link for so long, as many at once as the limit lets. Returns bytes per
/// second of the second half, and in `longest` what an answer took at most.
double run(InFlight& in_flight, double bytes_per_second, std::chrono::milliseconds round_trip,
           std::chrono::seconds time, Clock::time_point& now, Clock::duration& longest) {
  const auto of_block = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(static_cast<double>(kBlock) / bytes_per_second));
  std::deque<Answer> answers;
  auto link_free = now;
  const auto begin = now;
  std::uint64_t second_half = 0;
  while (now < begin + time) {
    while (answers.empty() || (answers.size() + 1) * kBlock <= in_flight.limit()) {
      link_free = std::max(link_free, now) + of_block;
      answers.push_back({now, link_free + round_trip});
    }
    const Answer answer = answers.front();
    answers.pop_front();
    now = std::max(now, answer.came);
    longest = std::max(longest, now - answer.asked);
    in_flight.note_answer(kBlock, answer.asked, now);
    if (now > begin + time / 2) second_half += kBlock;
  }
  return static_cast<double>(second_half) / std::chrono::duration<double>(time / 2).count();
}

double run(InFlight& in_flight, double bytes_per_second, std::chrono::milliseconds round_trip,
           std::chrono::seconds time, Clock::time_point& now) {
  Clock::duration longest{};
  return run(in_flight, bytes_per_second, round_trip, time, now, longest);
}

TEST(InFlight, StaysWhereMoreIsNotFaster) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 60s, now);
  EXPECT_EQ(in_flight.limit(), kEnough);
}

TEST(InFlight, GrowsToWhatALongLinkHolds) {
  for (const auto& [round_trip, rate] :
       {std::pair(100ms, 600e6), std::pair(200ms, 500e6), std::pair(100ms, 1'000e6)}) {
    InFlight in_flight(kEnough, kMost);
    Clock::time_point now{1s};
    const double reached = run(in_flight, rate, round_trip, 4s, now);
    EXPECT_GT(reached, 0.99 * rate) << in_flight.limit() / kMiB;
    EXPECT_LE(in_flight.limit(), kMost);
  }
}

TEST(InFlight, IsTwiceWhatALongLinkHolds) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 100ms, 5s, now);
  EXPECT_NEAR(static_cast<double>(in_flight.limit()), 2 * 600e6 * 0.1, 0.15 * 600e6 * 0.2);
  // And while it is looked at again, every minute, little is lost.
  const double reached = run(in_flight, 600e6, 100ms, 600s, now);
  EXPECT_GT(reached, 0.99 * 600e6);
}

TEST(InFlight, GrowsLaterWhenTheLinkGetsLonger) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 10s, now);
  const double reached = run(in_flight, 600e6, 100ms, 150s, now);
  EXPECT_GT(reached, 0.97 * 600e6);
}

TEST(InFlight, IsEnoughAfterTheFirstAnswersOfANearServer) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  for (std::uint64_t bytes = 0; bytes < 5 * kMiB; bytes += kBlock) {
    now += 1ms;
    in_flight.note_answer(kBlock, now - 4ms, now);
  }
  EXPECT_EQ(in_flight.limit(), kEnough);
}

TEST(InFlight, BlocksAboveTheFirstLimitSayHowFastTheyCome) {
  for (const auto& [gap, limit] : {std::pair(1000ms, 4 * kMiB), std::pair(10ms, kEnough)}) {
    InFlight in_flight(kEnough, kMost);
    Clock::time_point now{1s};
    for (int i = 0; i < 4; ++i) {
      now += gap;
      in_flight.note_answer(4 * kMiB, now - gap, now);
    }
    EXPECT_EQ(in_flight.limit(), limit);
  }
}

TEST(InFlight, OnASlowLinkNoAnswerWaitsLong) {
  for (const double rate : {0.5e6, 2e6, 8e6}) {
    InFlight in_flight(kEnough, kMost);
    Clock::time_point now{1s};
    Clock::duration longest{};
    run(in_flight, rate, 20ms, 20s, now, longest);
    EXPECT_LT(longest, 5s) << rate;  // the first ones, of 2 MiB
    longest = {};
    const double reached = run(in_flight, rate, 20ms, 60s, now, longest);
    EXPECT_GT(reached, 0.9 * rate);
    EXPECT_LT(longest, 3s) << rate;
  }
}

TEST(InFlight, FollowsALinkThatGetsSlowAndFastAgain) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 10s, now);
  run(in_flight, 4e6, 1ms, 20s, now);
  EXPECT_LE(in_flight.limit(), 8'000'000u);
  run(in_flight, 600e6, 1ms, 3s, now);
  EXPECT_GE(in_flight.limit(), kEnough);
}

TEST(InFlight, IsBackSoonAfterAStall) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 10s, now);
  now += 30s;
  in_flight.note_answer(kBlock, now - 30s, now);
  run(in_flight, 600e6, 1ms, 1s, now);
  EXPECT_GE(in_flight.limit(), kEnough);
}

TEST(InFlight, IsHalvedOnOverloadOnceForAllThatIsUnderWay) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 5s, now);
  ASSERT_EQ(in_flight.limit(), kEnough);
  for (int i = 0; i < 64; ++i) in_flight.note_overload(now - 1ms, now + i * 1ms);
  EXPECT_EQ(in_flight.limit(), kEnough / 2);
  now += 100ms;
  in_flight.note_answer(kBlock, now - 1ms, now);
  EXPECT_EQ(in_flight.limit(), kEnough / 2) << "within the pause after an overload";
  in_flight.note_overload(now, now);
  EXPECT_EQ(in_flight.limit(), kEnough / 4);
  run(in_flight, 600e6, 1ms, 5s, now);
  EXPECT_EQ(in_flight.limit(), kEnough) << "they had time to recover";
}

TEST(InFlight, IsEnoughAgainWithin10SecondsOf20SecondsOfOverload) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 5s, now);
  ASSERT_EQ(in_flight.limit(), kEnough);
  const auto end = now + 20s;
  for (int i = 0; now < end; ++i) {  // three of ten are refused
    now += 1ms;
    if (i % 10 < 3) {
      in_flight.note_overload(now - 1ms, now);
    } else {
      in_flight.note_answer(kBlock, now - 1ms, now);
    }
  }
  EXPECT_LE(in_flight.limit(), kBlock) << "one at a time";
  run(in_flight, 600e6, 1ms, 10s, now);
  EXPECT_EQ(in_flight.limit(), kEnough);
}

TEST(InFlight, ASlowTrainerSaysNothing) {
  InFlight in_flight(kEnough, kMost);
  Clock::time_point now{1s};
  run(in_flight, 600e6, 1ms, 1s, now);
  ASSERT_EQ(in_flight.limit(), kEnough);
  for (int i = 0; i < 100; ++i) {
    in_flight.note_idle();
    now += 1s;
    in_flight.note_answer(kBlock, now - 1s, now);
  }
  EXPECT_EQ(in_flight.limit(), kEnough);
}

}  // namespace
}  // namespace ringfeed::cassandra
