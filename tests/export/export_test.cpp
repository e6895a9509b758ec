// A data set as files of others: what the sources read of them is what was stored.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <ringfeed/export.hpp>
#include <ringfeed/ingest.hpp>
#include <ringfeed/source.hpp>
#include <stop_token>
#include <string>

#include "errors.hpp"
#include "store/local_layout.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::TempFolder;
using testing::write_all;

constexpr int kSamples = 1000;

class Export : public ::testing::Test {
 protected:
  /// Row i: its number, and a text that says it; the first half is the split train.
  void SetUp() override {
    std::string rows = "number,text\n";
    for (int i = 0; i < kSamples; ++i) rows += std::to_string(i) + ",t" + std::to_string(i) + "\n";
    write_all(folder_ / "rows.csv", rows);
    IngestOptions options;
    options.permute = false;
    options.chunk_bytes = 4096;
    options.splits = {{"train", 0.5}, {"val", 0.5}};
    ingest(*open_source({folder_ / "rows.csv"}, {}), *open_store(Url::parse(url())), options);
  }

  std::string url() const { return folder_ / "rows.ring"; }

  /// The files of a split hold its half of the rows, in their order.
  void check(const std::string& path, std::int64_t first) const {
    const auto source = open_source({path}, {});
    ASSERT_EQ(source->schema().columns.size(), 2u);
    std::int64_t number = first;
    while (const auto batch = source->next()) {
      const auto& numbers =
          static_cast<const arrow::Int64Array&>(*batch->GetColumnByName("number"));
      const auto texts = batch->GetColumnByName("text");
      for (std::int64_t i = 0; i < batch->num_rows(); ++i, ++number) {
        ASSERT_EQ(numbers.Value(i), number);
        ASSERT_EQ(texts->GetScalar(i).ValueOrDie()->ToString(), "t" + std::to_string(number));
      }
    }
    EXPECT_EQ(number, first + kSamples / 2);
  }

  const TempFolder folder_;
};

TEST_F(Export, EachSplitIsAFileOfParquet) {
  const auto result = export_dataset(url(), folder_ / "out");
  ASSERT_EQ(result.splits.size(), 2u);
  EXPECT_EQ(result.splits[0].samples + result.splits[1].samples, kSamples);
  EXPECT_EQ(result.bytes, std::filesystem::file_size(folder_ / "out/train.parquet") +
                              std::filesystem::file_size(folder_ / "out/val.parquet"));
  check(folder_ / "out/train.parquet", 0);
  check(folder_ / "out/val.parquet", kSamples / 2);
}

TEST_F(Export, EachSplitIsAFolderOfShards) {
  export_dataset(url(), folder_ / "out", {.format = ExportFormat::kMds});
  check(folder_ / "out/train", 0);
  check(folder_ / "out/val", kSamples / 2);
}

TEST_F(Export, OneSplitAndSomeColumns) {
  export_dataset(url() + "?split=val", folder_ / "out", {.columns = {"text"}});
  EXPECT_EQ(names_in(folder_ / "out"), std::vector<std::string>{"val.parquet"});
  const auto source = open_source({folder_ / "out/val.parquet"}, {});
  ASSERT_EQ(source->schema().columns.size(), 1u);
  EXPECT_EQ(source->schema().columns[0].name, "text");
}

TEST_F(Export, WhatCannotBeLeavesNothing) {
  const auto before = names_in(folder_.path());
  const auto refuse = [&](ErrorCode code, const std::string& part, const ExportOptions& options) {
    expect_error(code, {part}, [&] { export_dataset(url(), folder_ / "out", options); });
    EXPECT_EQ(names_in(folder_.path()), before);
  };
  refuse(ErrorCode::kInvalidArgument, "'nothing'", {.columns = {"nothing"}});
  std::stop_source stop;
  stop.request_stop();
  refuse(ErrorCode::kCancelled, "interrupted", {.stop = stop.get_token()});
  std::filesystem::create_directory(folder_ / "there");
  expect_error(ErrorCode::kConflict, {folder_ / "there"},
               [&] { export_dataset(url(), folder_ / "there"); });
  expect_error(ErrorCode::kInvalidArgument, {"parquet or mds"},
               [] { export_format_from_name("csv"); });
}

}  // namespace
}  // namespace ringfeed
