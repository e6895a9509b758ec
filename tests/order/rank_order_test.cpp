// The promises of the order, as properties over generated cases (cases.hpp), each run rank by rank
// as the feed does it.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <ringfeed/error.hpp>
#include <set>
#include <tuple>

#include "order/cases.hpp"
#include "order/drain.hpp"

namespace ringfeed {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kCases = 500;  // there is one thread, and it is slow
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kCases = 2000;  // what holds in all cases is for builds without it
#else
constexpr std::uint64_t kCases = 8000;
#endif

using Sample = std::pair<std::uint32_t, std::uint32_t>;

std::shared_ptr<const Epoch> epoch_of(const OrderCase& order_case, std::uint64_t number) {
  return std::make_shared<const Epoch>(order_case.block_samples, order_case.options, number);
}

std::vector<Drained> drain_all(const OrderCase& order_case, int world_size,
                               std::uint64_t start = 0) {
  const auto epoch = epoch_of(order_case, order_case.epoch);
  std::vector<Drained> ranks;
  for (int rank = 0; rank < world_size; ++rank)
    ranks.push_back(drain(epoch, rank, world_size, start));
  return ranks;
}

/// The samples of each step, over all ranks, sorted.
std::vector<std::vector<Sample>> union_of(const std::vector<Drained>& ranks) {
  std::vector<std::vector<Sample>> steps(ranks[0].steps.size());
  for (const auto& rank : ranks) {
    for (std::size_t step = 0; step < steps.size(); ++step) {
      for (const auto& ref : rank.steps[step]) steps[step].emplace_back(ref.block, ref.row);
    }
  }
  for (auto& step : steps) std::sort(step.begin(), step.end());
  return steps;
}

TEST(RankOrder, EachEpochIsAnExactPermutationAndNoRankIsEverWithoutASample) {
  for (std::uint64_t number = 0; number < kCases; ++number) {
    const OrderCase order_case = order_case_at(number);
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    const auto ranks = drain_all(order_case, order_case.world_size);
    std::set<Sample> seen;
    for (const auto& rank : ranks) {
      for (const auto& step : rank.steps) {
        ASSERT_FALSE(step.empty());
        for (const auto& ref : step) {
          ASSERT_LT(ref.row, order_case.block_samples.at(ref.block));
          ASSERT_TRUE(seen.insert({ref.block, ref.row}).second)
              << ref.block << ":" << ref.row << " is repeated";
        }
      }
    }
    ASSERT_EQ(seen.size(), Steps(order_case.samples(), order_case.options).end());
  }
}

TEST(RankOrder, BlocksAreReadOnceAndHeldWithinTheBound) {
  std::uint64_t shared_reads = 0;
  std::uint64_t with_slices = 0;
  for (std::uint64_t number = 0; number < kCases; ++number) {
    const OrderCase order_case = order_case_at(number);
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    const auto ranks = drain_all(order_case, order_case.world_size);
    std::uint64_t blocks = 0;
    for (const auto samples : order_case.block_samples) blocks += samples > 0 ? 1 : 0;
    std::uint64_t reads = 0;
    const std::uint64_t held_max =
        blocks_held_max(order_case.options, order_case.samples(), blocks, order_case.world_size);
    for (const auto& rank : ranks) {
      reads += rank.reads;
      EXPECT_LE(rank.held_max, held_max);
    }
    const Steps steps(order_case.samples(), order_case.options);
    const std::uint64_t of_slices =
        order_case.world_size > 1 ? steps.end() - steps.slices_begin() : 0;
    if (order_case.options.shuffle == Shuffle::kBlock && blocks > 0) {
      if (order_case.options.tail != Tail::kDrop) {
        EXPECT_GE(reads, blocks);
      }
      EXPECT_LE(reads, blocks + static_cast<std::uint64_t>(order_case.world_size) - 1 + of_slices);
      if (of_slices > 0) {
        ++with_slices;
      } else if (reads > blocks) {
        shared_reads += reads - blocks;
      }
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(shared_reads, 0U)
      << "no generated case cut a block between ranks: the bound was not tried";
  EXPECT_GT(with_slices, kCases / 20) << "too few cases have steps that are shared by slices";
}

TEST(RankOrder, StepsDoNotDependOnTheNumberOfRanks) {
  for (std::uint64_t number = 0; number < kCases; number += 3) {
    const OrderCase order_case = order_case_at(number);
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    ASSERT_EQ(union_of(drain_all(order_case, 1)),
              union_of(drain_all(order_case, order_case.world_size)));
  }
}

TEST(RankOrder, ResumingContinuesExactly) {
  for (std::uint64_t number = 0; number < kCases; number += 5) {
    const OrderCase order_case = order_case_at(number);
    if (order_case.samples() == 0) continue;
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    const Steps steps(order_case.samples(), order_case.options);
    const auto whole = drain_all(order_case, order_case.world_size);
    const auto unbroken = union_of(whole);
    for (const std::uint64_t step :
         {std::uint64_t{0}, steps.count() / 3, steps.count() / 2, steps.count() - 1}) {
      const auto resumed = drain_all(order_case, order_case.world_size, steps.begin(step));
      for (int rank = 0; rank < order_case.world_size; ++rank) {
        const auto& expected = whole[static_cast<std::size_t>(rank)].steps;
        const auto& got = resumed[static_cast<std::size_t>(rank)].steps;
        ASSERT_EQ(got.size(), expected.size() - step);
        for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[step + i]);
      }
      // On another number of ranks the steps are the same, too.
      const auto alone = union_of(drain_all(order_case, 1, steps.begin(step)));
      for (std::size_t i = 0; i < alone.size(); ++i) ASSERT_EQ(alone[i], unbroken[step + i]);
    }
  }
}

TEST(RankOrder, EpochsAndSeedsDiffer) {
  OrderCase order_case;
  order_case.block_samples.assign(40, 25);
  order_case.options.global_batch = 50;
  std::set<std::vector<Sample>> first_steps;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t epoch = 0; epoch < 10; ++epoch) {
      order_case.options.seed = seed;
      order_case.epoch = epoch;
      first_steps.insert(union_of(drain_all(order_case, 1))[0]);
    }
  }
  EXPECT_EQ(first_steps.size(), 100U);
}

TEST(RankOrder, MoreRanksThanLanesAreRefused) {
  OrderCase order_case;
  order_case.block_samples = {100};
  order_case.options.global_batch = 4;
  try {
    drain_all(order_case, 5);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("5 ranks, but batch size 4"), std::string::npos)
        << error.what();
  }
}

TEST(RankOrder, AStepTooSmallForTheRanksIsRefusedWithTheRemedy) {
  OrderCase order_case;
  order_case.block_samples = {41};
  order_case.options.global_batch = 8;  // 33 to 37 and 37 to 41 are the last two steps
  EXPECT_EQ(drain_all(order_case, 4).size(), 4U);
  try {
    drain_all(order_case, 5);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("the last step of 41 samples in batches of 8 has 4"),
              std::string::npos)
        << error.what();
  }
  for (const Tail tail : {Tail::kDrop, Tail::kJoin}) {
    order_case.options.tail = tail;
    EXPECT_EQ(drain_all(order_case, 8).size(), 8U) << name_of(tail);
  }
}

/// The variance of the number of samples of class 0 of `classes` per step, against that of
/// independent draws.
double variance_ratio(const OrderCase& order_case, const std::vector<std::vector<int>>& class_of,
                      int classes) {
  double sum_squares = 0;
  std::uint64_t steps = 0;
  const double share = 1.0 / classes;
  const auto batch = static_cast<double>(order_case.options.global_batch);
  for (std::uint64_t epoch = 0; epoch < 6; ++epoch) {
    OrderCase one = order_case;
    one.epoch = epoch;
    for (const auto& step : union_of(drain_all(one, 1))) {
      if (step.size() != order_case.options.global_batch) continue;
      std::vector<int> counts(static_cast<std::size_t>(classes));
      for (const auto& [block, row] : step)
        ++counts[static_cast<std::size_t>(class_of[block][row])];
      for (const int count : counts) sum_squares += std::pow(count - batch * share, 2);
      ++steps;
    }
  }
  const double variance =
      sum_squares / static_cast<double>(steps * static_cast<std::uint64_t>(classes));
  return variance / (batch * share * (1 - share));
}

TEST(RankOrder, BatchesAreMixedLikeIndependentDrawsWhenIngestPermuted) {
  constexpr int kClasses = 10;
  OrderCase order_case;
  order_case.options.global_batch = 256;
  order_case.block_samples.assign(240, 250);  // 60,000 samples
  std::vector<std::vector<int>> class_of(240, std::vector<int>(250));
  Random random(1);
  for (auto& block : class_of) {
    for (auto& each : block) each = static_cast<int>(random.below(kClasses));
  }
  for (const std::uint32_t window : {1U, 2U, 4U}) {
    order_case.options.window = window;
    const double ratio = variance_ratio(order_case, class_of, kClasses);
    EXPECT_GT(ratio, 0.9) << "window " << window;
    EXPECT_LT(ratio, 1.1) << "window " << window;
  }
}

TEST(RankOrder, ClassSortedBlocksAreMixedAsFarAsTheWindowsReach) {
  constexpr int kClasses = 10;
  OrderCase order_case;
  order_case.options.global_batch = 256;
  order_case.block_samples.assign(1920, 125);  // 240,000 samples
  std::vector<std::vector<int>> class_of(1920, std::vector<int>(125));
  for (std::size_t block = 0; block < class_of.size(); ++block) {
    for (auto& each : class_of[block]) each = static_cast<int>(block * kClasses / class_of.size());
  }
  for (const std::uint32_t window : {1U, 2U, 4U}) {
    order_case.options.window = window;
    const double bound = 1.2 * (1 + (256.0 / 64 - 1) / window);
    EXPECT_LT(variance_ratio(order_case, class_of, kClasses), bound) << "window " << window;
  }
}

}  // namespace
}  // namespace ringfeed
