// The feed over a store that fails in every way: what is handed out is the order's beginning, and
// it ends whole or with a typed error, in time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ringfeed/feed.hpp>

#include "feed/check_batch.hpp"
#include "feed/expected_ids.hpp"
#include "feed/memory_store.hpp"
#include "order/cases.hpp"
#include "store/faulty_store.hpp"

namespace ringfeed {
namespace {

using testing::Fault;
using testing::FaultPlan;
using testing::FaultyStore;
using Clock = std::chrono::steady_clock;

constexpr auto kReadTimeout = std::chrono::milliseconds(150);
/// Of one feed over a small data set, whatever happens.
constexpr auto kTimeMax = std::chrono::seconds(20);

std::shared_ptr<const Dataset> dataset_of(const std::vector<std::uint32_t>& block_samples,
                                          const FaultPlan& plan) {
  const auto memory = std::make_shared<MemoryStore>(MemoryPlan{block_samples, 3, {}, plan.seed});
  return Dataset::open(std::make_shared<FaultyStore>(memory, plan), "memory:", std::nullopt,
                       "train");
}

struct Outcome {
  std::vector<std::int64_t> ids;  ///< that were handed out
  std::optional<Error> error;
};

Outcome outcome_of(const std::shared_ptr<const Dataset>& dataset, FeedOptions options) {
  options.read_timeout = kReadTimeout;
  Outcome outcome;
  try {
    Feed feed(dataset, options);
    while (auto batch = feed.next()) check_batch(*batch, 3, outcome.ids);
  } catch (const Error& error) {
    outcome.error = error;
  }
  return outcome;
}

/// Runs every rank of a case, and checks what it got. Returns how many ended with an error.
int run_case(const OrderCase& order_case, const FaultPlan& plan) {
  int failed = 0;
  const auto dataset = dataset_of(order_case.block_samples, plan);
  for (int rank = 0; rank < order_case.world_size; ++rank) {
    FeedOptions options;
    options.order = order_case.options;
    options.start.epoch = order_case.epoch;
    options.rank = rank;
    options.world_size = order_case.world_size;
    options.assemble_threads = 1 + static_cast<int>(plan.seed % 3);
    const auto begin = Clock::now();
    const Outcome outcome = outcome_of(dataset, options);
    EXPECT_LT(Clock::now() - begin, kTimeMax);
    const auto expected = expected_ids(order_case, order_case.epoch, rank);
    if (outcome.error) {
      ++failed;
      EXPECT_TRUE(std::ranges::count(testing::kFaultCodes, outcome.error->code()))
          << outcome.error->what();
      EXPECT_LE(outcome.ids.size(), expected.size());
      EXPECT_TRUE(std::equal(outcome.ids.begin(), outcome.ids.end(), expected.begin()));
    } else {
      EXPECT_EQ(outcome.ids, expected);
    }
  }
  return failed;
}

TEST(FaultyFeed, DeliversTheExactEpochOrFailsInTimeForAnyPlan) {
  int failed = 0;
  int whole = 0;
  for (std::uint64_t number = 0; number < 150; ++number) {
    const OrderCase order_case = order_case_at(number);
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    FaultPlan plan;
    plan.seed = number;
    Random random(number);
    // Rates from none to one in five, each kind for itself; few are lost: each costs its timeout.
    for (const auto fault : {Fault::kError, Fault::kDelay, Fault::kWrongBytes, Fault::kPartial}) {
      auto& rate = plan.of_thousand[static_cast<std::size_t>(fault)];
      rate = random.below(3) == 0 ? random.below(200) : 0;
    }
    plan.of_thousand[static_cast<std::size_t>(Fault::kLost)] = random.below(4) == 0 ? 20 : 0;
    const int failures = run_case(order_case, plan);
    failed += failures;
    whole += order_case.world_size - failures;
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(failed, 20);
  EXPECT_GT(whole, 100);
}

TEST(FaultyFeed, DelaysAloneChangeNothing) {
  for (std::uint64_t number = 0; number < 60; ++number) {
    const OrderCase order_case = order_case_at(number);
    SCOPED_TRACE(fmt::format("case {}: {}", number, order_case.text()));
    FaultPlan plan;
    plan.seed = number;
    plan.of_thousand[static_cast<std::size_t>(Fault::kDelay)] = 500;
    ASSERT_EQ(run_case(order_case, plan), 0);
  }
}

/// One fault at the third read, of a feed over ten blocks.
Outcome outcome_with(Fault fault) {
  FaultPlan plan;
  plan.at_read = {{2, fault}};
  return outcome_of(dataset_of(std::vector<std::uint32_t>(10, 20), plan), {});
}

TEST(FaultyFeed, AnAnswerWithRowsMissingIsBadData) {
  const auto outcome = outcome_with(Fault::kPartial);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kBadData);
  EXPECT_NE(std::string(outcome.error->what()).find("19 samples, and not 20"), std::string::npos)
      << outcome.error->what();
}

TEST(FaultyFeed, AReadWithoutAnswerEndsAtItsTimeout) {
  const auto outcome = outcome_with(Fault::kLost);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kTimeout);
  EXPECT_NE(std::string(outcome.error->what()).find("no answer"), std::string::npos)
      << outcome.error->what();
}

TEST(FaultyFeed, WrongBytesAreNeverHandedOut) {
  const auto outcome = outcome_with(Fault::kWrongBytes);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), ErrorCode::kBadData);
}

}  // namespace
}  // namespace ringfeed
