#include <gtest/gtest.h>

#include <algorithm>
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

Steps steps_of(std::uint64_t samples, std::uint64_t batch, Tail tail, std::uint32_t lanes = 64) {
  return Steps(samples, {.lanes = lanes, .global_batch = batch, .tail = tail});
}

TEST(Steps, ATailBelowTheLanesSharesTheStepBefore) {
  const Steps steps(1063, with_batch(100));
  EXPECT_EQ(steps.count(), 11U);
  EXPECT_EQ(steps.begin(9), 900U);
  EXPECT_EQ(steps.size(9), 82U);
  EXPECT_EQ(steps.size(10), 81U);
  EXPECT_EQ(steps.slices_begin(), 1063U);  // 81 are enough for 64 lanes
  const Steps few(1003, with_batch(100));
  EXPECT_EQ(few.size(9), 52U);
  EXPECT_EQ(few.size(10), 51U);
  EXPECT_EQ(few.slices_begin(), 900U);
}

TEST(Steps, NoStepIsLargerThanABatch) {
  for (const std::uint64_t batch : {1, 2, 16, 32, 48, 64, 100, 1000}) {
    for (std::uint64_t samples = 1; samples < 300; ++samples) {
      for (const std::uint32_t lanes : {1U, 7U, 64U}) {
        const Steps steps = steps_of(samples, batch, Tail::kShare, lanes);
        std::uint64_t sum = 0;
        std::uint64_t largest = 0;
        std::uint64_t smallest = samples;
        for (std::uint64_t step = 0; step < steps.count(); ++step) {
          EXPECT_EQ(steps.step_at(steps.begin(step)), step);
          sum += steps.size(step);
          largest = std::max(largest, steps.size(step));
          smallest = std::min(smallest, steps.size(step));
        }
        EXPECT_EQ(sum, samples);
        EXPECT_LE(largest, batch);
        EXPECT_EQ(largest, steps.size_max());
        EXPECT_EQ(smallest, steps.size_min());
        EXPECT_GE(2 * smallest, std::min<std::uint64_t>({samples, batch, 2 * lanes}));
      }
    }
  }
}

TEST(Steps, DropLeavesOutWhatFillsNoStep) {
  const Steps steps = steps_of(1063, 100, Tail::kDrop);
  EXPECT_EQ(steps.count(), 10U);
  EXPECT_EQ(steps.size(9), 100U);
  EXPECT_EQ(steps.end(), 1000U);
  EXPECT_EQ(steps.step_at(1000), 10U);
  EXPECT_THROW(steps.step_at(1063), Error);
  EXPECT_THROW(steps_of(99, 100, Tail::kDrop), Error);
  EXPECT_EQ(steps_of(0, 100, Tail::kDrop).count(), 0U);
}

TEST(Steps, JoinMakesTheLastStepLarger) {
  const Steps steps = steps_of(1063, 100, Tail::kJoin);
  EXPECT_EQ(steps.count(), 10U);
  EXPECT_EQ(steps.size(9), 163U);
  EXPECT_EQ(steps.slices_begin(), 1063U);
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
  EXPECT_EQ(steps.step_at(982), 10U);
  EXPECT_EQ(steps.step_at(1063), 11U);
  EXPECT_THROW(steps.step_at(1000), Error);  // two steps share the samples around it
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
  EXPECT_NE(message_of(with_batch(0)).find("global_batch 0 is out of its bounds, from 1"),
            std::string::npos);
  OrderOptions options;
  options.lanes = 0;
  EXPECT_NE(message_of(options).find("lanes 0 is out of its bounds, 1 to 65,536"),
            std::string::npos);
  options.lanes = 65'537;
  EXPECT_NE(message_of(options).find("lanes 65537 is out"), std::string::npos);
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

TEST(Tail, NamesAreReadBack) {
  for (const auto tail : {Tail::kShare, Tail::kDrop, Tail::kJoin})
    EXPECT_EQ(tail_from_name(name_of(tail)), tail);
  EXPECT_THROW(tail_from_name("keep"), Error);
}

}  // namespace
}  // namespace ringfeed
