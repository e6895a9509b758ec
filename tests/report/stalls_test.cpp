// What limits a run, by what its ranks did, for causes that are known.
#include "report/stalls.hpp"

#include <gtest/gtest.h>

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

TEST(Stalls, TheNodeWhoseAnswersTakeLongIsNamed) {
  TrainSeconds rank = waiting();
  rank.store = 8;
  const std::vector<NodeAnswers> even = {{"10.0.0.1", 100, 1}, {"10.0.0.2", 50, 1}};
  EXPECT_EQ(find_limit(interval_of({rank}, even), {}).limit, Limit::kStore);
  const std::vector<NodeAnswers> one_is_slow = {
      {"10.0.0.1", 100, 1}, {"10.0.0.2", 20, 3}, {"10.0.0.3", 50, 1}, {"10.0.0.4", 0, 0}};
  const auto finding = find_limit(interval_of({rank}, one_is_slow), {});
  EXPECT_EQ(finding.limit, Limit::kNode);
  EXPECT_NE(finding.text.find("10.0.0.2, which took 150 ms"), std::string::npos) << finding.text;
  const std::vector<NodeAnswers> alone = {{"10.0.0.1", 100, 50}};
  EXPECT_EQ(find_limit(interval_of({rank}, alone), {}).limit, Limit::kStore);
  const auto merged_nodes =
      merged(std::vector{interval_of({rank}, even), interval_of({rank}, one_is_slow)}).nodes;
  ASSERT_EQ(merged_nodes.size(), 4u);
  EXPECT_EQ(merged_nodes[1].answers, 70u);
  EXPECT_EQ(merged_nodes[1].seconds, 4);
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
