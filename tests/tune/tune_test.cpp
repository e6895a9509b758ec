// What is measured and tried, with a training that is planted.
#include "tune/tune.hpp"

#include <arrow/buffer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "base/memory.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::tune {
namespace {

using testing::MemorySource;

constexpr std::int64_t kRows = 20;
constexpr std::int64_t kChunks = 60;

class Tune : public ::testing::Test {
 protected:
  Tune() {
    const MemorySource source({});
    LocalStore store(temp_ / "set", {});
    auto writer = store.write({source.schema(), {"train"}, {1, 7, 4096, "whole"}, false}, nullptr);
    for (std::int64_t i = 0; i < kChunks; ++i)
      writer->put("train", std::vector{source.chunk(i * kRows, kRows)}, {});
    writer->publish();
    options_.url = temp_ / "set";
    options_.feed.order = {.lanes = 3, .global_batch = 12};
    options_.feed.columns = {"image", "label"};
    options_.start = {.ranks = 1, .threads = 8};
    options_.cores = 8;
    options_.seconds = 30;
    options_.train = [this](const Settings& settings, const Trial& trial) {
      if (trial.held_batch) {
        held_.push_back(settings);
      } else {
        runs_.push_back(settings);
      }
      TrainSummary summary;
      summary.seconds.total = 1;
      summary.samples = samples_of_second_(settings);
      summary.cpu_seconds = 0.01;
      return summary;
    };
  }

  testing::TempFolder temp_;
  TuneOptions options_;
  std::function<std::uint64_t(const Settings&)> samples_of_second_ = [](const Settings&) {
    return 100;
  };
  std::vector<Settings> held_;
  std::vector<Settings> runs_;
};

TEST_F(Tune, TheModelIsMeasuredOnRanksThatTheOrderTakesAndOverLargerBatches) {
  options_.seconds = 15;
  const auto result = tune(options_);
  std::vector<std::pair<int, int>> models;
  for (const auto& model : result.measured.models) models.emplace_back(model.ranks, model.threads);
  // Three lanes are for at most three ranks.
  EXPECT_EQ(models, (std::vector<std::pair<int, int>>{{1, 8}, {1, 1}, {2, 4}}));
  std::vector<std::uint64_t> batches;
  for (const auto& batch : result.measured.batches) batches.push_back(batch.global_batch);
  EXPECT_EQ(batches, (std::vector<std::uint64_t>{12, 24, 48}));
  EXPECT_EQ(held_.size(), 5U);
  EXPECT_EQ(result.blocks, static_cast<std::uint64_t>(kChunks));
  EXPECT_EQ(result.start.candidate.prediction.limit, "model");
  // Nothing promises more than the run as it is.
  EXPECT_EQ(runs_.size(), 1U);
  EXPECT_EQ(runs_.front(), result.start.candidate.settings);
}

TEST_F(Tune, RanksThatAreFasterAreTriedAndTheBatchStays) {
  options_.seconds = 15;
  samples_of_second_ = [](const Settings& settings) {
    return static_cast<std::uint64_t>(100 * settings.ranks) * settings.global_batch / 12;
  };
  const auto result = tune(options_);
  EXPECT_EQ(result.chosen().candidate.settings.ranks, 2);
  EXPECT_EQ(result.chosen().candidate.settings.global_batch, 12U);
  ASSERT_EQ(result.advice.size(), 1U);
  EXPECT_NE(result.advice[0].find("100 samples/s in batches of 12, and 400 in those of 48"),
            std::string::npos)
      << result.advice[0];
}

TEST_F(Tune, OneProcessWithAllDevicesIsMeasuredWhereDevicesCompute) {
  options_.seconds = 15;
  options_.fixed_ranks = options_.with_data_parallel = true;
  samples_of_second_ = [](const Settings& settings) { return settings.data_parallel ? 200 : 100; };
  const auto result = tune(options_);
  EXPECT_TRUE(result.chosen().candidate.settings.data_parallel);
  EXPECT_EQ(result.measured.models.size(), 2U);
}

TEST_F(Tune, MemoryIsHalfOfWhatIsAvailableAndMayBeTooLittle) {
  options_.seconds = 15;
  const auto result = tune(options_);
  const auto available = static_cast<double>(available_memory()->bytes_available);
  EXPECT_NEAR(static_cast<double>(result.memory_bytes), available / 2, available / 10);
  options_.memory_bytes = 1024;
  testing::expect_error(ErrorCode::kInvalidArgument,
                        {"budget-memory 1 KiB: this order needs at least"},
                        [&] { tune(options_); });
}

TEST_F(Tune, TheTimeIsKeptWhereRunsTakeLongToStart) {
  std::chrono::steady_clock::time_point now = {};
  options_.now = [&now] { return now; };
  options_.train = [this, &now, train = options_.train](const Settings& settings,
                                                        const Trial& trial) {
    now += std::chrono::seconds(6) + trial.time;
    return train(settings, trial);
  };
  samples_of_second_ = [](const Settings& settings) {
    return static_cast<std::uint64_t>(settings.threads == 8 ? 100 : 200 * settings.ranks);
  };
  options_.seconds = 40;
  const auto result = tune(options_);
  EXPECT_LE(now.time_since_epoch(), std::chrono::seconds(46));
  EXPECT_EQ(held_.size(), 3U) << "all ranks and threads, and no larger batch";
  EXPECT_EQ(runs_.size(), 2U) << "the run as it is, and what promises most";
  EXPECT_EQ(result.chosen().candidate.settings.ranks, 2);
  ASSERT_FALSE(result.advice.empty());
  EXPECT_NE(result.advice.back().find("as a run takes 6 s to start here; --seconds "),
            std::string::npos)
      << result.advice.back();
}

TEST_F(Tune, AnUnknownColumnAndTooLittleTimeAreTold) {
  options_.seconds = 1;
  testing::expect_error(ErrorCode::kInvalidArgument, {"seconds 1: ", " measurements need "},
                        [&] { tune(options_); });
  options_.feed.columns = {"none"};
  testing::expect_error(ErrorCode::kInvalidArgument, {"'none'"}, [&] { tune(options_); });
}

}  // namespace
}  // namespace ringfeed::tune
