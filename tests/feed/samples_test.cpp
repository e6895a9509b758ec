// Samples by number, and a whole split as Arrow.
#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/ingest.hpp>
#include <ringfeed/samples.hpp>

#include "base/random.hpp"
#include "errors.hpp"
#include "feed/check_batch.hpp"
#include "feed/memory_store.hpp"
#include "ingest/memory_source.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using Numbers = std::vector<std::uint64_t>;

constexpr std::int64_t kWidth = 3;

MemoryPlan plan_of(std::vector<std::uint32_t> block_samples) {
  MemoryPlan plan;
  plan.block_samples = std::move(block_samples);
  return plan;
}

void expect_samples(Samples& samples, const Numbers& numbers) {
  const Batch batch = samples.read(numbers);
  ASSERT_EQ(batch.size, static_cast<std::int64_t>(numbers.size()));
  std::vector<std::int64_t> ids;
  check_batch(batch, kWidth, ids);
  EXPECT_EQ(Numbers(ids.begin(), ids.end()), numbers);
}

TEST(Samples, AnyNumbersInAnyOrder) {
  Random random(7);
  // Cache: of no block, of a few, of all.
  for (const std::uint64_t cache_bytes : {1, 600, 1 << 20}) {
    const auto store = std::make_shared<MemoryStore>(plan_of({3, 1, 7, 5, 2, 8}));
    Samples samples(dataset_of(store), {}, cache_bytes);
    Numbers all(26);
    std::iota(all.begin(), all.end(), std::uint64_t{0});
    expect_samples(samples, all);
    expect_samples(samples, {});
    for (int i = 0; i < 200; ++i) {
      Numbers numbers(random.below(40));
      for (auto& number : numbers) number = random.below(26);
      expect_samples(samples, numbers);
    }
  }
}

TEST(Samples, WhatWasReadLastIsNotReadAgain) {
  const auto store = std::make_shared<MemoryStore>(plan_of({4, 4, 4}));
  Samples samples(dataset_of(store), {}, 2 * 4 * 52);
  for (const std::uint64_t number : {0, 1, 3, 2, 0}) expect_samples(samples, {number});
  EXPECT_EQ(store->reads(), 1u);
  expect_samples(samples, {7, 0, 4});
  EXPECT_EQ(store->reads(), 2u);
  expect_samples(samples, {9, 0});  // the second block leaves: it was used longest ago
  EXPECT_EQ(store->reads(), 3u);
  expect_samples(samples, {1, 11});
  EXPECT_EQ(store->reads(), 3u);
  expect_samples(samples, {5});
  EXPECT_EQ(store->reads(), 4u);
}

TEST(Samples, ColumnsThatAreAskedFor) {
  const auto store = std::make_shared<MemoryStore>(plan_of({4}));
  Samples samples(dataset_of(store), {"odd", "id"});
  const Batch batch = samples.read(Numbers{2, 1});
  ASSERT_EQ(batch.columns.size(), 2u);
  EXPECT_EQ(batch.columns[0].name, "odd");
  EXPECT_EQ(batch.columns[0].as<std::uint8_t>()[1], 1);
  EXPECT_EQ(batch.columns[1].as<std::int64_t>()[0], 2);
  EXPECT_THROW(Samples(dataset_of(store), {"none"}), Error);
}

TEST(Samples, ErrorsLeaveItUsable) {
  MemoryPlan plan = plan_of({4, 4});
  plan.error_at_read = 1;
  const auto store = std::make_shared<MemoryStore>(plan);
  Samples samples(dataset_of(store));
  EXPECT_THROW(samples.read(Numbers{8}), Error);  // no such sample: nothing is read
  EXPECT_EQ(store->reads(), 0u);
  EXPECT_THROW(samples.read(Numbers{0, 5}), Error);
  expect_samples(samples, {5, 0});
}

TEST(ExportArrow, AllSamplesInStorageOrder) {
  const auto store = std::make_shared<MemoryStore>(plan_of({3, 1, 7}));
  ArrowArrayStream stream;
  export_arrow(dataset_of(store), {"name", "id"}, &stream);
  const auto reader = arrow::ImportRecordBatchReader(&stream).ValueOrDie();
  EXPECT_EQ(reader->schema()->num_fields(), 2);
  std::int64_t next = 0;
  while (auto batch = reader->Next().ValueOrDie()) {
    EXPECT_TRUE(batch->ValidateFull().ok());
    for (std::int64_t row = 0; row < batch->num_rows(); ++row, ++next) {
      EXPECT_EQ(static_cast<const arrow::Int64Array&>(*batch->column(1)).Value(row), next);
      EXPECT_EQ(static_cast<const arrow::StringArray&>(*batch->column(0)).GetString(row),
                "sample " + std::to_string(next));
    }
  }
  EXPECT_EQ(next, 11);
}

TEST(ExportArrow, PartsTogetherAreTheSplit) {
  for (const std::uint64_t parts : {1, 2, 3, 5, 9}) {
    std::int64_t next = 0;
    for (std::uint64_t part = 0; part < parts; ++part) {
      ArrowArrayStream stream;
      export_arrow(dataset_of(std::make_shared<MemoryStore>(plan_of({3, 1, 7, 2, 5}))), {"id"},
                   &stream, {part, parts});
      const auto reader = arrow::ImportRecordBatchReader(&stream).ValueOrDie();
      while (auto batch = reader->Next().ValueOrDie()) {
        for (std::int64_t row = 0; row < batch->num_rows(); ++row, ++next)
          EXPECT_EQ(static_cast<const arrow::Int64Array&>(*batch->column(0)).Value(row), next);
      }
    }
    EXPECT_EQ(next, 18);
  }
  ArrowArrayStream stream;
  for (const SplitPart& part : {SplitPart{3, 3}, SplitPart{0, 0}, SplitPart{0, (1 << 20) + 1}}) {
    EXPECT_THROW(
        export_arrow(dataset_of(std::make_shared<MemoryStore>(plan_of({3}))), {}, &stream, part),
        Error);
  }
}

TEST(ExportArrow, AnErrorIsOneOfTheStream) {
  MemoryPlan plan = plan_of({3, 1, 7});
  plan.error_at_read = 0;
  ArrowArrayStream stream;
  export_arrow(dataset_of(std::make_shared<MemoryStore>(plan)), {}, &stream);
  const auto reader = arrow::ImportRecordBatchReader(&stream).ValueOrDie();
  auto result = reader->Next();
  while (result.ok() && *result != nullptr) result = reader->Next();
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.status().message().find("node 127.0.0.9: no answer"), std::string::npos);
}

/// A local data set in files of its own, of which a reader keeps the last blocks mapped.
class CutFiles : public ::testing::Test {
 protected:
  CutFiles() {
    testing::MemorySource source({.samples = 2000});
    IngestOptions options;
    options.chunk_bytes = 4096;
    ingest(source, *open_store(Url::parse(temp_ / "set")), options);
    dataset_ = Dataset::open(temp_ / "set");
  }

  void cut() const {
    for (const auto& part : dataset_->manifest().parts)
      std::filesystem::resize_file(temp_ / ("set/" + part.name), 0);
  }

  const testing::TempFolder temp_;
  std::shared_ptr<const Dataset> dataset_;
};

TEST_F(CutFiles, WhileSamplesAreReadItIsAnErrorThatNamesTheFile) {
  Samples samples(dataset_);
  const Numbers numbers = {3, 500, 1999};
  samples.read(numbers);
  cut();
  testing::expect_error(ErrorCode::kBadData, {temp_ / "set/data/", ".arrow", "got shorter"},
                        [&] { samples.read(numbers); });
}

TEST_F(CutFiles, WhileAFeedIsUnderWayItIsAnErrorThatNamesTheFile) {
  for (const int threads : {1, 3}) {
    FeedOptions options;
    options.order.global_batch = 10;
    options.assemble_threads = threads;
    std::optional<Feed> feed(std::in_place, dataset_, options);
    ASSERT_TRUE(feed->next());
    const auto& parts = dataset_->manifest().parts;
    const std::string bytes = testing::read_all(temp_ / ("set/" + parts[0].name));
    cut();
    testing::expect_error(ErrorCode::kBadData, {temp_ / "set/data/", ".arrow"}, [&] {
      while (feed->next()) {
      }
    });
    feed.reset();
    ASSERT_EQ(parts.size(), 1u);
    testing::write_all(temp_ / ("set/" + parts[0].name), bytes);
    Feed again(dataset_, options);  // what is whole again is read again
    std::int64_t samples = 0;
    while (const auto batch = again.next()) samples += batch->size;
    EXPECT_GE(samples, 2000);
  }
}

}  // namespace
}  // namespace ringfeed
