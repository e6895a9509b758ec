// What limits a run, by what its ranks did, for causes that are known.
#include "report/stalls.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/meter.hpp"

namespace ringfeed {
namespace {

/// A rank that only computes, for 10 s.
TrainSeconds computing() {
  return {.total = 10, .wait = 0.1, .forward = 3, .backward = 5, .all_reduce = 0.9, .optimizer = 1};
}

TrainSeconds waiting() {
  return {.total = 10, .wait = 6, .forward = 1, .backward = 2, .all_reduce = 0.5, .optimizer = 0.5};
}

TrainInterval interval_of(std::vector<TrainSeconds> ranks, std::vector<NodeAnswers> nodes = {}) {
  return {.end = 10, .ranks = std::move(ranks), .nodes = std::move(nodes)};
}

Limit limit_of(std::vector<TrainSeconds> ranks, FeedThreads threads = {}) {
  return find_limit(interval_of(std::move(ranks)), threads).limit;
}

TEST(Stalls, AModelThatComputesIsNone) {
  const auto finding = find_limit(interval_of({computing(), computing()}), {});
  EXPECT_EQ(finding.limit, Limit::kModel);
  EXPECT_EQ(finding.lost, 0);
  EXPECT_NE(finding.text.find("90 %"), std::string::npos) << finding.text;
}

TEST(Stalls, TheFeedsLimitIsWhatKeptItsThreadsBusy) {
  TrainSeconds store = waiting(), check = waiting(), assembly = waiting();
  store.store = 8;
  check.check = 9;
  check.store = 8;  // for blocks that are being checked
  assembly.assemble = 9;
  EXPECT_EQ(limit_of({store}), Limit::kStore);
  EXPECT_EQ(limit_of({check}), Limit::kCheck);
  EXPECT_EQ(limit_of({assembly}), Limit::kAssembly);
  check.check = 18;  // of two threads: 9 each
  EXPECT_EQ(limit_of({check}, {.read = 2}), Limit::kCheck);
  EXPECT_EQ(limit_of({check}, {.read = 8}), Limit::kStore);  // which are not busy with it
}

TEST(Stalls, CheckingThatIsNotOnACoreIsTheDisks) {
  TrainSeconds rank = waiting();
  rank.check = 9;
  rank.store = 8;
  rank.disk = 3;
  EXPECT_EQ(limit_of({rank}), Limit::kCheck);
  rank.disk = 7;
  EXPECT_EQ(limit_of({rank}), Limit::kDisk);
}

TEST(Stalls, AStoreThatIsIdleWaitsForTheBudget) {
  TrainSeconds rank = waiting();
  rank.store = 8;
  rank.budget = 3;
  EXPECT_EQ(limit_of({rank}), Limit::kStore);
  rank.budget = 6;
  const auto finding = find_limit(interval_of({rank}), {});
  EXPECT_EQ(finding.limit, Limit::kBudget);
  EXPECT_NE(finding.text.find("prefetch_bytes"), std::string::npos) << finding.text;
}

/// A node that gives so many answers fast, and one late.
NodeAnswers node_of(std::string name, int answers, std::chrono::milliseconds fast) {
  TimeHistogram times;
  for (int i = 0; i < answers; ++i) times.record(fast);
  if (answers > 0) times.record(std::chrono::seconds(2));
  return {std::move(name), times.meter("ringfeed_node_answer_seconds", "")};
}

TEST(Stalls, TheNodeWhoseFastAnswersTakeLongIsNamed) {
  using namespace std::chrono_literals;
  TrainSeconds rank = waiting();
  rank.store = 8;
  const std::vector even = {node_of("10.0.0.1", 99, 10ms), node_of("10.0.0.2", 9, 15ms)};
  EXPECT_EQ(find_limit(interval_of({rank}, even), {}).limit, Limit::kStore);
  const std::vector one_is_slow = {node_of("10.0.0.1", 99, 10ms), node_of("10.0.0.2", 18, 150ms),
                                   node_of("10.0.0.3", 49, 15ms), node_of("10.0.0.4", 0, 0ms)};
  const auto finding = find_limit(interval_of({rank}, one_is_slow), {});
  EXPECT_EQ(finding.limit, Limit::kNode);
  EXPECT_NE(finding.text.find("10.0.0.2, which took 247 ms"), std::string::npos) << finding.text;
  const std::vector alone = {node_of("10.0.0.1", 99, 500ms)};
  EXPECT_EQ(find_limit(interval_of({rank}, alone), {}).limit, Limit::kStore);
  auto nodes =
      merged(std::vector{interval_of({rank}, even), interval_of({rank}, one_is_slow)}).nodes;
  ASSERT_EQ(nodes.size(), 4u);
  EXPECT_EQ(nodes[1].times.count, 29u);
  take_durations(nodes[1].times, even[1].times);
  EXPECT_EQ(nodes[1].times.count, 19u);
  EXPECT_EQ(quantile_of(nodes[1].times, 0.25), quantile_of(one_is_slow[1].times, 0.25));
}

TEST(Stalls, OneRankForWhichTheOthersWaitIsNamed) {
  TrainSeconds fast{.total = 10, .forward = 1, .backward = 2, .all_reduce = 6.5, .optimizer = 0.5};
  TrainSeconds slow{.total = 10, .forward = 3, .backward = 6, .all_reduce = 0.5, .optimizer = 0.5};
  const auto finding = find_limit(interval_of({fast, fast, slow, fast}), {});
  EXPECT_EQ(finding.limit, Limit::kRank);
  EXPECT_EQ(finding.rank, 2);
  EXPECT_NEAR(finding.lost, 6, 1e-9);
  EXPECT_NE(finding.text.find("rank 2"), std::string::npos);
  EXPECT_NE(finding.text.find("forward and backward"), std::string::npos);
  slow = {.total = 10, .wait = 7, .forward = 1, .backward = 1, .all_reduce = 0.5, .store = 8};
  const auto fed = find_limit(interval_of({slow, fast}), {});
  EXPECT_EQ(fed.rank, 0);
  EXPECT_NE(fed.text.find("the feed for the store"), std::string::npos) << fed.text;
}

TEST(Stalls, AnExchangeThatAllWaitForIsNoRanks) {
  const TrainSeconds rank{
      .total = 10, .forward = 1, .backward = 2, .all_reduce = 6.5, .optimizer = 0.5};
  const auto finding = find_limit(interval_of({rank, rank}), {});
  EXPECT_EQ(finding.limit, Limit::kAllReduce);
  EXPECT_NEAR(finding.lost, 6.5, 1e-9);
}

TEST(Stalls, IntervalsOfTheSameCauseAreOne) {
  TrainSeconds store = waiting();
  store.store = 8;
  std::vector<TrainInterval> intervals;
  for (int i = 0; i < 6; ++i) {
    const bool stalls = i == 1 || i == 2 || i == 4;
    intervals.push_back({.steps = 50u * static_cast<unsigned>(i + 1),
                         .begin = 10.0 * i,
                         .end = 10.0 * (i + 1),
                         .ranks = {stalls ? store : computing()}});
  }
  const auto stalls = find_stalls(intervals, {});
  ASSERT_EQ(stalls.size(), 2u);
  EXPECT_EQ(stalls[0].begin, 10);
  EXPECT_EQ(stalls[0].end, 30);
  EXPECT_NEAR(stalls[0].finding.lost, 12, 1e-9);
  EXPECT_EQ(stalls[1].begin, 40);
  EXPECT_EQ(merged(intervals).end, 60);
  EXPECT_NEAR(merged(intervals).ranks[0].total, 60, 1e-9);
  EXPECT_EQ(find_limit({}, {}).limit, Limit::kModel);
}

}  // namespace
}  // namespace ringfeed
