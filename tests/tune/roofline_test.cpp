// The roofline over planted figures.
#include "tune/roofline.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "errors.hpp"

namespace ringfeed::tune {
namespace {

/// Beside each other: store and check; after each other: model and all-reduce.
std::vector<Stage> stages(double store, double check, double model, double all_reduce) {
  return {{"store", "store", store, 0},
          {"check", "check", check, 0},
          {"model", "training", model, 0},
          {"all-reduce", "training", all_reduce, 0}};
}

TEST(Roofline, TheSlowestLaneIsTheLimit) {
  const auto by_store = predict(stages(0.004, 0.001, 0.002, 0.001), 2);
  EXPECT_EQ(by_store.limit, "store");
  EXPECT_DOUBLE_EQ(by_store.samples_per_second, 250);
  EXPECT_FALSE(by_store.by_cores);
  EXPECT_EQ(predict(stages(0.001, 0.004, 0.002, 0.001), 2).limit, "check");
}

TEST(Roofline, StagesOfALaneAddUpAndTheLargestOfThemIsNamed) {
  const auto by_model = predict(stages(0.004, 0, 0.003, 0.002), 2);
  EXPECT_EQ(by_model.limit, "model");
  EXPECT_DOUBLE_EQ(by_model.samples_per_second, 200);
  EXPECT_EQ(predict(stages(0.004, 0, 0.002, 0.003), 2).limit, "all-reduce");
}

TEST(Roofline, AllSharesTheCores) {
  std::vector<Stage> shared = {{"check", "check", 0.001, 0.002},
                               {"model", "training", 0.003, 0.006}};
  const auto on_two = predict(shared, 2);
  EXPECT_TRUE(on_two.by_cores);
  EXPECT_EQ(on_two.limit, "model");
  EXPECT_DOUBLE_EQ(on_two.samples_per_second, 250);
  const auto on_four = predict(shared, 4);
  EXPECT_FALSE(on_four.by_cores);
  EXPECT_NEAR(on_four.samples_per_second, 1 / 0.003, 1e-9);
  shared[0].cpu_seconds = 0.02;
  EXPECT_EQ(predict(shared, 2).limit, "check");
}

TEST(Roofline, NothingIsNoPrediction) {
  testing::expect_error(ErrorCode::kInternal, {"needs a stage that takes time"},
                        [] { predict({}, 2); });
  testing::expect_error(ErrorCode::kInternal, {"needs a stage that takes time"},
                        [] { predict(stages(0, 0, 0, 0), 2); });
}

}  // namespace
}  // namespace ringfeed::tune
