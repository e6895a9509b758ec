#include "base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <vector>

namespace ringfeed {
namespace {

// The first numbers of SplitMix64 started at 1234567, as published with the reference
// implementation.
TEST(Random, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
  EXPECT_EQ(random.next(), 9817491932198370423ULL);
}

TEST(Random, BelowIsUniformAndInBounds) {
  Random random(1);
  for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 7ULL, 1000ULL}) {
    std::vector<int> counts(bound);
    for (std::uint64_t i = 0; i < 1000 * bound; ++i) ++counts.at(random.below(bound));
    for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
  }
}

// With bound b = 2^63 + 1, nearly half of the draws must be rejected: without it the results below
// would be skewed.
TEST(Random, BelowRejectsWhatWouldSkew) {
  Random random(2);
  const std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  int draws_used = 0;
  Random counter(2);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = random.below(bound);
    ASSERT_LT(value, bound);
    // The same by the definition in docs/ordering.md, counting what is drawn.
    __extension__ using Wide = unsigned __int128;
    Wide product = static_cast<Wide>(counter.next()) * bound;
    ++draws_used;
    const std::uint64_t threshold =
        static_cast<std::uint64_t>((static_cast<Wide>(1) << 64) % bound);
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = static_cast<Wide>(counter.next()) * bound;
      ++draws_used;
    }
    ASSERT_EQ(value, static_cast<std::uint64_t>(product >> 64));
  }
  EXPECT_GT(draws_used, 1700);
}

TEST(Random, ShuffleGivesEachOrderEquallyOften) {
  std::array<int, 6> counts{};
  for (std::uint64_t key = 0; key < 6000; ++key) {
    std::vector<int> items = {0, 1, 2};
    shuffle(std::span(items), Random(random_key(1, 0, 0, Purpose::kBlocks, key)));
    ++counts.at(static_cast<std::size_t>(items[0] * 2 + (items[1] > items[2] ? 1 : 0)));
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(RandomKey, EachNumberMatters) {
  const auto key = random_key(1, 2, 3, Purpose::kBlocks, 4);
  EXPECT_NE(key, random_key(2, 2, 3, Purpose::kBlocks, 4));
  EXPECT_NE(key, random_key(1, 3, 3, Purpose::kBlocks, 4));
  EXPECT_NE(key, random_key(1, 2, 4, Purpose::kBlocks, 4));
  EXPECT_NE(key, random_key(1, 2, 3, Purpose::kWindow, 4));
  EXPECT_NE(key, random_key(1, 2, 3, Purpose::kBlocks, 5));
}

}  // namespace
}  // namespace ringfeed
