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

Limit limit_of(std::vector<TrainSeconds> ranks, int read_threads = 1, int assemble_threads = 1) {
  return find_limit(ranks, read_threads, assemble_threads).limit;
}

TEST(Stalls, AModelThatComputesIsNone) {
  const auto finding = find_limit(std::vector{computing(), computing()}, 1, 1);
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
  EXPECT_EQ(limit_of({check}, 2), Limit::kCheck);
  EXPECT_EQ(limit_of({check}, 8), Limit::kStore);  // which are not busy with it
}

TEST(Stalls, OneRankForWhichTheOthersWaitIsNamed) {
  TrainSeconds fast{.total = 10, .forward = 1, .backward = 2, .all_reduce = 6.5, .optimizer = 0.5};
  TrainSeconds slow{.total = 10, .forward = 3, .backward = 6, .all_reduce = 0.5, .optimizer = 0.5};
  const auto finding = find_limit(std::vector{fast, fast, slow, fast}, 1, 1);
  EXPECT_EQ(finding.limit, Limit::kRank);
  EXPECT_EQ(finding.rank, 2);
  EXPECT_NEAR(finding.lost, 6, 1e-9);
  EXPECT_NE(finding.text.find("rank 2"), std::string::npos);
  EXPECT_NE(finding.text.find("forward and backward"), std::string::npos);
  slow = {.total = 10, .wait = 7, .forward = 1, .backward = 1, .all_reduce = 0.5, .store = 8};
  const auto fed = find_limit(std::vector{slow, fast}, 1, 1);
  EXPECT_EQ(fed.rank, 0);
  EXPECT_NE(fed.text.find("the feed for the store"), std::string::npos) << fed.text;
}

TEST(Stalls, AnExchangeThatAllWaitForIsNoRanks) {
  const TrainSeconds rank{
      .total = 10, .forward = 1, .backward = 2, .all_reduce = 6.5, .optimizer = 0.5};
  const auto finding = find_limit(std::vector{rank, rank}, 1, 1);
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
  const auto stalls = find_stalls(intervals, 1, 1);
  ASSERT_EQ(stalls.size(), 2u);
  EXPECT_EQ(stalls[0].begin, 10);
  EXPECT_EQ(stalls[0].end, 30);
  EXPECT_NEAR(stalls[0].finding.lost, 12, 1e-9);
  EXPECT_EQ(stalls[1].begin, 40);
  EXPECT_EQ(merged(intervals).end, 60);
  EXPECT_NEAR(merged(intervals).ranks[0].total, 60, 1e-9);
  EXPECT_EQ(find_limit({}, 1, 1).limit, Limit::kModel);
}

}  // namespace
}  // namespace ringfeed
