// What is proposed for planted figures.
#include "tune/search.hpp"

#include <gtest/gtest.h>

#include "planted.hpp"

namespace ringfeed::tune {
namespace {

SearchOptions options() {
  return {.start = planted_start(),
          .cores = 4,
          .memory_bytes = 1024 * kMiB,
          .needs = [](const Settings&) { return std::optional(Needs{64 * kMiB, 66 * kMiB}); }};
}

TEST(Search, ProposesTheRanksThatTheModelIsFasterOn) {
  const auto proposals = search(planted(), options());
  EXPECT_EQ(proposals.start.prediction.limit, "model");
  ASSERT_EQ(proposals.better.size(), 1U);
  Settings expected = planted_start();  // and nothing else is changed
  expected.ranks = 2;
  expected.threads = 1;
  EXPECT_EQ(proposals.better[0].settings, expected);
  EXPECT_NEAR(proposals.better[0].prediction.samples_per_second, 1800, 1e-6);
}

TEST(Search, ProposesThreadsForTheStageThatIsTheLimit) {
  Measured measured = planted();
  measured.models.resize(1);
  measured.stores[0].check_seconds = 0.0018;
  const auto proposals = search(measured, options());
  EXPECT_EQ(proposals.start.prediction.limit, "check");
  ASSERT_EQ(proposals.better.size(), 1U);
  Settings expected = planted_start();
  expected.read_threads = 2;
  EXPECT_EQ(proposals.better[0].settings, expected);
}

TEST(Search, ProposesNothingWhereNothingPromisesMore) {
  Measured measured = planted();
  measured.models.resize(2);
  measured.stores[0].store_seconds = 0.01;
  const auto proposals = search(measured, options());
  EXPECT_EQ(proposals.start.prediction.limit, "store");
  EXPECT_TRUE(proposals.better.empty());
}

TEST(Search, AFarStoreGetsMoreReadAheadWithinTheMemory) {
  Measured measured = planted();
  measured.models.resize(1);
  measured.block_seconds = 100;
  measured.stores[0].in_flight_bytes = 4096 * kMiB;
  SearchOptions far = options();
  far.start.in_flight_bytes = 4096 * kMiB;
  far.start.prefetch_bytes = 128 * kMiB;
  auto proposals = search(measured, far);
  ASSERT_EQ(proposals.better.size(), 1U);
  EXPECT_EQ(proposals.better[0].settings.prefetch_bytes, 512 * kMiB);
  far.memory_bytes = 300 * kMiB;
  proposals = search(measured, far);
  ASSERT_EQ(proposals.better.size(), 1U);
  EXPECT_EQ(proposals.better[0].settings.prefetch_bytes, 256 * kMiB);
}

TEST(Search, MoreRanksShareTheMemory) {
  SearchOptions small = options();
  small.memory_bytes = 300 * kMiB;
  const auto proposals = search(planted(), small);
  ASSERT_EQ(proposals.better.size(), 1U);
  EXPECT_EQ(proposals.better[0].settings.ranks, 2);
  EXPECT_EQ(proposals.better[0].settings.prefetch_bytes, 150 * kMiB);
  small.needs = [](const Settings&) { return std::optional(Needs{148 * kMiB, 151 * kMiB}); };
  EXPECT_TRUE(search(planted(), small).better.empty());
}

TEST(Search, TheThreeAreOfOtherRanksAndThreads) {
  Measured measured = planted();
  measured.models[0].compute_seconds = 2e-3;
  const auto proposals = search(measured, options());
  ASSERT_EQ(proposals.better.size(), 2U);
  EXPECT_EQ(proposals.better[0].settings.ranks, 2);
  EXPECT_EQ(proposals.better[1].settings.ranks, 1);
  EXPECT_EQ(proposals.better[1].settings.threads, 1);
}

TEST(Search, AnotherOrderIsProposedWhereItLeavesMoreToReadAhead) {
  Measured measured = planted();
  measured.models.resize(1);
  measured.block_seconds = 100;
  SearchOptions far = options();
  far.memory_bytes = 128 * kMiB;
  far.start.prefetch_bytes = 128 * kMiB;
  far.needs = [](const Settings& settings) {
    return std::optional(Needs{settings.lanes * settings.window * kMiB, 0});
  };
  far.start.lanes = 60;
  EXPECT_TRUE(search(measured, far).better.empty());
  far.orders = {{30, 2}, {60, 1}, {15, 1}};
  const auto proposals = search(measured, far);
  ASSERT_EQ(proposals.better.size(), 3U);
  EXPECT_EQ(proposals.better[0].settings.lanes, 15U);
  EXPECT_EQ(proposals.better[0].settings.window, 1U);
  EXPECT_GT(proposals.better[0].prediction.samples_per_second,
            10 * proposals.start.prediction.samples_per_second);
}

TEST(Search, RanksThatTheOrderDoesNotTakeAreNoCandidates) {
  SearchOptions few = options();
  few.needs = [](const Settings& settings) {
    return settings.ranks > 1 ? std::nullopt : std::optional(Needs{});
  };
  EXPECT_TRUE(search(planted(), few).better.empty());
}

}  // namespace
}  // namespace ringfeed::tune
