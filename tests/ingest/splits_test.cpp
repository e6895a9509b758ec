#include "ingest/splits.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

ErrorCode code_of(std::string_view text) {
  try {
    parse_splits(text);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("train=0.8,val=0.2"), std::string::npos)
        << error.what();
    return error.code();
  }
  return ErrorCode::kInternal;
}

TEST(ParseSplits, NamesAndShares) {
  const std::vector<SplitShare> expected = {{"train", 0.8}, {"val", 0.2}};
  EXPECT_EQ(parse_splits("train=0.8,val=0.2"), expected);
  EXPECT_EQ(parse_splits("all=1").size(), 1u);
  EXPECT_EQ(parse_splits("a=0.3333333,b=0.3333333,c=0.3333334").size(), 3u);
}

TEST(ParseSplits, RefusesWhatDoesNotAddUpOrIsMistyped) {
  for (const auto* text :
       {"", "train", "train=", "train=x", "train=0.8", "train=0.8,val=0.3", "train=0.8,,val=0.2",
        "train=0.5,train=0.5", "=1", "a/b=1", ".=1", "train=1.5,val=-0.5", "train=1,val=0",
        "train=nan", "train=inf", "train=0.8,val=0.2,", "train=0.8 ,val=0.2"}) {
    EXPECT_EQ(code_of(text), ErrorCode::kInvalidArgument) << text;
  }
}

TEST(Apportion, LargestRemainderByHand) {
  EXPECT_EQ(apportion(1797, {{"train", 0.8}, {"val", 0.2}}),
            (std::vector<std::uint64_t>{1438, 359}));
  EXPECT_EQ(apportion(10, {{"a", 0.29}, {"b", 0.71}}), (std::vector<std::uint64_t>{3, 7}));
  EXPECT_EQ(apportion(3, {{"a", 0.5}, {"b", 0.5}}), (std::vector<std::uint64_t>{2, 1}));
  EXPECT_EQ(apportion(0, {{"a", 0.5}, {"b", 0.5}}), (std::vector<std::uint64_t>{0, 0}));
  EXPECT_EQ(apportion(2, {{"a", 0.9}, {"b", 0.1}}), (std::vector<std::uint64_t>{2, 0}));
}

TEST(Apportion, AddsUpAndIsWithinOne) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::vector<SplitShare> splits(1 + random() % 6);
    double sum = 0;
    for (auto& split : splits) sum += split.share = 1 + static_cast<double>(random() % 1000);
    for (auto& split : splits) split.share /= sum;
    const std::uint64_t samples = random() % 100000;
    const auto counts = apportion(samples, splits);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), samples);
    for (std::size_t k = 0; k < splits.size(); ++k) {
      EXPECT_LT(
          std::abs(static_cast<double>(counts[k]) - static_cast<double>(samples) * splits[k].share),
          1.0 + 1e-6);
    }
  }
}

TEST(ApportionStrata, BothSumsAreExactAndCellsWithinOneForTwoSplits) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::uint64_t> occurrences(1 + random() % 20);
    for (auto& each : occurrences) each = 1 + random() % 300;
    const auto samples = std::accumulate(occurrences.begin(), occurrences.end(), std::uint64_t{0});
    const double share = static_cast<double>(1 + random() % 999) / 1000;
    const auto totals = apportion(samples, {{"a", share}, {"b", 1 - share}});
    const auto counts = apportion_strata(occurrences, totals);
    ASSERT_EQ(counts.size(), 2u);
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_EQ(std::accumulate(counts[k].begin(), counts[k].end(), std::uint64_t{0}), totals[k]);
    }
    for (std::size_t v = 0; v < occurrences.size(); ++v) {
      EXPECT_EQ(counts[0][v] + counts[1][v], occurrences[v]);
      const double exact = static_cast<double>(occurrences[v]) * static_cast<double>(totals[0]) /
                           static_cast<double>(samples);
      EXPECT_LT(std::abs(static_cast<double>(counts[0][v]) - exact), 1.0);
    }
  }
}

TEST(ApportionStrata, SumsAreExactForManySplits) {
  const std::vector<std::uint64_t> occurrences = {1, 1, 2, 3, 50, 7};
  const std::vector<std::uint64_t> totals = {40, 0, 13, 11};
  const auto counts = apportion_strata(occurrences, totals);
  for (std::size_t v = 0; v < occurrences.size(); ++v) {
    std::uint64_t sum = 0;
    for (const auto& row : counts) sum += row[v];
    EXPECT_EQ(sum, occurrences[v]);
  }
  for (std::size_t k = 0; k < totals.size(); ++k) {
    EXPECT_EQ(std::accumulate(counts[k].begin(), counts[k].end(), std::uint64_t{0}), totals[k]);
  }
}

}  // namespace
}  // namespace ringfeed
