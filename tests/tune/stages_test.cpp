// What planted figures of each stage say of runs with other settings.
#include "tune/stages.hpp"

#include <gtest/gtest.h>

#include "errors.hpp"
#include "planted.hpp"

namespace ringfeed::tune {
namespace {

constexpr std::uint64_t kSpare = 128 * kMiB;
constexpr int kCores = 16;

Prediction predicted(const Measured& measured, const Settings& settings,
                     std::uint64_t spare = kSpare) {
  return predict(stages_of(measured, settings, spare), kCores);
}

TEST(Stages, AFastFeedLeavesTheModelTheLimit) {
  const auto prediction = predicted(planted(), planted_start());
  EXPECT_EQ(prediction.limit, "model");
  EXPECT_NEAR(prediction.samples_per_second, 1000, 1e-6);
}

TEST(Stages, TheBandwidthOfTheStore) {
  Measured measured = planted();
  measured.stores[0].store_seconds = 0.004;
  const auto prediction = predicted(measured, planted_start());
  EXPECT_EQ(prediction.limit, "store");
  EXPECT_NEAR(prediction.samples_per_second, 250, 1e-6);
}

TEST(Stages, WhatIsUnderWayInARoundTrip) {
  Measured measured = planted();
  measured.block_seconds = 0.1;  // a far link
  const Settings settings = planted_start();
  // 4 MiB of 4 KiB each are 1,024 samples in 0.1 s.
  EXPECT_EQ(predicted(measured, settings, 2 * kMiB).limit, "model");
  measured.models[0].compute_seconds = measured.models[0].cpu_seconds = 1e-5;
  const auto by_budget = predicted(measured, settings, 4 * kMiB);
  EXPECT_EQ(by_budget.limit, "store");
  EXPECT_NEAR(by_budget.samples_per_second, 10'240, 1e-6);
  // The bound of what is asked of a node is the same limit from the other side.
  Measured bounded = measured;
  bounded.stores[0].in_flight_bytes = 2 * kMiB;
  Settings with_bound = settings;
  with_bound.in_flight_bytes = 2 * kMiB;
  EXPECT_NEAR(predicted(bounded, with_bound).samples_per_second, 5'120, 1e-6);
  // A block is always under way.
  EXPECT_NEAR(predicted(measured, settings, 0).samples_per_second, 2'560, 1e-6);
}

TEST(Stages, ThreadsThatCheckDivideItsTime) {
  Measured measured = planted();
  measured.stores[0].check_seconds = 0.004;
  Settings settings = planted_start();
  EXPECT_EQ(predicted(measured, settings).limit, "check");
  EXPECT_NEAR(predicted(measured, settings).samples_per_second, 250, 1e-6);
  settings.read_threads = 2;
  EXPECT_NEAR(predicted(measured, settings).samples_per_second, 500, 1e-6);
  settings.read_threads = 8;
  EXPECT_EQ(predicted(measured, settings).limit, "model");
}

TEST(Stages, TheTrainingThreadHelpsToAssembleInTheTimeThatItHas) {
  Measured measured = planted();
  measured.assemble_seconds = 0.003;
  Settings settings = planted_start();
  // In 2 ms one thread assembles 2/3 of a sample, and the training thread, of which the model takes
  // 1 ms, 1/3.
  EXPECT_EQ(predicted(measured, settings).limit, "assembly");
  EXPECT_NEAR(predicted(measured, settings).samples_per_second, 500, 1e-6);
  settings.assemble_threads = 4;
  EXPECT_EQ(predicted(measured, settings).limit, "model");
}

TEST(Stages, TheExchangeOfManyRanks) {
  Measured measured = planted();
  measured.models[2].all_reduce_seconds = 5e-4;
  Settings settings = planted_start();
  settings.ranks = 2;
  settings.threads = 1;
  EXPECT_EQ(predicted(measured, settings).limit, "all-reduce");
  EXPECT_NEAR(predicted(measured, settings).samples_per_second, 1 / 9e-4, 1e-6);
}

TEST(Stages, WhatWasNotMeasuredIsNotPredicted) {
  Settings settings = planted_start();
  settings.threads = 7;
  testing::expect_error(ErrorCode::kInternal, {"not measured"},
                        [&] { predicted(planted(), settings); });
}

}  // namespace
}  // namespace ringfeed::tune
