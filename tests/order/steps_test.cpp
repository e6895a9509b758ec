#include <gtest/gtest.h>

#include <ringfeed/error.hpp>
#include <ringfeed/order.hpp>

namespace ringfeed {
namespace {

OrderOptions with_batch(std::uint64_t batch) {
  OrderOptions options;
  options.global_batch = batch;
  return options;
}

TEST(Steps, WholeSteps) {
  const Steps steps(1000, with_batch(100));
  EXPECT_EQ(steps.count(), 10U);
  EXPECT_EQ(steps.lanes(), 64U);
  EXPECT_EQ(steps.begin(9), 900U);
  EXPECT_EQ(steps.begin(10), 1000U);
}

TEST(Steps, TailBelowTheLanesJoinsTheStepBefore) {
  const Steps steps(1063, with_batch(100));
  EXPECT_EQ(steps.count(), 10U);
  EXPECT_EQ(steps.size(9), 163U);
}

TEST(Steps, LongerTailIsAStep) {
  const Steps steps(1064, with_batch(100));
  EXPECT_EQ(steps.count(), 11U);
  EXPECT_EQ(steps.size(10), 64U);
}

TEST(Steps, BetterLanesAreNamedWhenARankHasTooMuch) {
  const Steps steps(1000, with_batch(256));
  for (const int even_enough : {1, 2, 3, 4, 7, 8, 16, 32, 64}) {
    EXPECT_EQ(steps.better_lanes(even_enough), std::nullopt) << even_enough;
  }
  EXPECT_EQ(steps.better_lanes(24), 72U);  // 3 of 64 lanes are 1.125 of the share
  EXPECT_EQ(steps.better_lanes(12), 60U);
  EXPECT_EQ(steps.better_lanes(65), std::nullopt);  // refused elsewhere
  EXPECT_EQ(Steps(1000, with_batch(10)).better_lanes(8), 8U);
  EXPECT_EQ(Steps(1000, with_batch(64)).better_lanes(24), 48U);  // 72 are more than a batch has
}

TEST(Steps, FewerSamplesThanABatchAreOneStep) {
  const Steps steps(7, with_batch(100));
  EXPECT_EQ(steps.count(), 1U);
  EXPECT_EQ(steps.size(0), 7U);
  EXPECT_EQ(steps.lanes(), 7U);
}

TEST(Steps, NoSamplesNoSteps) {
  const Steps steps(0, with_batch(100));
  EXPECT_EQ(steps.count(), 0U);
  EXPECT_EQ(steps.lanes(), 0U);
}

TEST(Steps, PositionInsideAStepIsRefused) {
  const Steps steps(1063, with_batch(100));
  EXPECT_EQ(steps.step_at(900), 9U);
  EXPECT_EQ(steps.step_at(1063), 10U);
  EXPECT_THROW(steps.step_at(1000), Error);  // the tail joined: no step starts here
  EXPECT_THROW(steps.step_at(901), Error);
  EXPECT_THROW(steps.step_at(1064), Error);
}

TEST(Steps, OptionsOutOfBoundsAreNamed) {
  const auto message_of = [](OrderOptions options) -> std::string {
    try {
      const Steps steps(10, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message_of(with_batch(0)).find("batch size 0"), std::string::npos);
  OrderOptions options;
  options.lanes = 0;
  EXPECT_NE(message_of(options).find("lanes 0"), std::string::npos);
  options.lanes = kLanesMax + 1;
  EXPECT_NE(message_of(options).find("lanes 65537"), std::string::npos);
  options = {};
  options.window = 0;
  EXPECT_NE(message_of(options).find("window 0"), std::string::npos);
}

TEST(Shuffle, NamesAreReadBack) {
  for (const auto shuffle : {Shuffle::kBlock, Shuffle::kFull, Shuffle::kNone}) {
    EXPECT_EQ(shuffle_from_name(name_of(shuffle)), shuffle);
  }
  EXPECT_THROW(shuffle_from_name("blocks"), Error);
}

}  // namespace
}  // namespace ringfeed
