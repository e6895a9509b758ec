#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <functional>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>

#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "read_back.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

void write_version(const std::string& folder,
                   const std::vector<std::pair<std::string, int>>& samples_of_splits,
                   std::uint64_t fingerprint = 1, bool append = false) {
  const MemorySource source({});
  WriteIntent intent{source.schema(), {}, {fingerprint, 0, 4096, "whole"}, append};
  for (const auto& [split, samples] : samples_of_splits) intent.splits.push_back(split);
  LocalStore store(folder);
  const auto writer = store.write(intent, nullptr);
  for (const auto& [split, samples] : samples_of_splits) {
    if (samples > 0) writer->put(split, std::vector{source.chunk(0, samples)}, {});
  }
  writer->publish();
}

TEST(Dataset, OpensTrainOfTheNewestVersionUnlessTold) {
  TempFolder temp;
  const auto path = temp / "set";
  write_version(path, {{"train", 10}, {"val", 4}});
  write_version(path, {{"train", 3}, {"extra", 2}}, 2, true);
  EXPECT_EQ(Dataset::open(path)->size(), 13u);
  EXPECT_EQ(Dataset::open(path)->version(), 2u);
  EXPECT_EQ(Dataset::open(path)->split(), "train");
  EXPECT_EQ(Dataset::open(path + "?version=1")->size(), 10u);
  EXPECT_EQ(Dataset::open(path + "?split=val&version=2")->size(), 4u);
  EXPECT_EQ(Dataset::open("file://" + path + "?split=extra")->size(), 2u);
  const auto train = Dataset::open(path + "?version=1");
  EXPECT_TRUE(train->has_split("val"));
  EXPECT_FALSE(train->has_split("extra"));
  const auto val = train->with_split("val");
  EXPECT_EQ(val->split(), "val");
  EXPECT_EQ(val->version(), 1u);
  EXPECT_EQ(val->size(), 4u);
  EXPECT_EQ(Dataset::open(val->url())->size(), 4u);
  EXPECT_EQ(val->schema(), MemorySource({}).schema());
  EXPECT_EQ(read_chunk(*val->reader(1), 0)->num_rows(), 4);
  expect_error(ErrorCode::kNotFound, {"'test'", "train, val"}, [&] { train->with_split("test"); });
  expect_error(ErrorCode::kNotFound, {"'extra'", "version 1", "train, val"},
               [&] { Dataset::open(path + "?split=extra&version=1"); });
  expect_error(ErrorCode::kNotFound, {"no version 7", "1, 2"},
               [&] { Dataset::open(path + "?version=7"); });
  expect_error(ErrorCode::kNotFound, {"no data set here", "make one with ingest()"},
               [&] { Dataset::open(temp / "nothing"); });
  expect_error(ErrorCode::kInvalidArgument, {"unknown option"},
               [&] { Dataset::open(path + "?x=1"); });
  expect_error(ErrorCode::kInvalidArgument, {"names no keyspace"},
               [&] { Dataset::open("cassandra://h"); });
}

TEST(Dataset, TheOnlySplitNeedsNoName) {
  TempFolder temp;
  write_version(temp / "one", {{"all", 5}});
  EXPECT_EQ(Dataset::open(temp / "one")->split(), "all");
  write_version(temp / "two", {{"a", 5}, {"b", 5}});
  expect_error(ErrorCode::kNotFound, {"'train'", "a, b"}, [&] { Dataset::open(temp / "two"); });
}

TEST(Dataset, ASplitMayBeEmpty) {
  TempFolder temp;
  write_version(temp / "set", {{"train", 5}, {"val", 0}});
  const auto val = Dataset::open(temp / "set?split=val");
  EXPECT_EQ(val->size(), 0u);
  EXPECT_TRUE(val->reader(1)->blocks().empty());
}

TEST(Dataset, ADamagedManifestIsBadData) {
  TempFolder temp;
  write_version(temp / "set", {{"train", 5}});
  auto text = read_all(temp / "set/versions/1.json");
  text[60] ^= 1;
  write_all(temp / "set/versions/1.json", text);
  expect_error(ErrorCode::kBadData, {"versions/1.json", "restore"},
               [&] { Dataset::open(temp / "set"); });
}

TEST(ListDatasets, ItselfOrThoseDirectlyUnderIt) {
  TempFolder temp;
  for (const auto* name : {"b", "a", "deep/c"}) write_version(temp / name, {{"train", 2}});
  std::filesystem::create_directories(temp / "empty/versions");
  std::filesystem::create_directories(temp / "other");
  write_all(temp / "file", "");
  const auto list = [](const std::string& text) { return list_datasets(Url::parse(text)); };
  EXPECT_EQ(list(temp.path()), (std::vector<std::string>{temp / "a", temp / "b"}));
  EXPECT_EQ(list(temp / "a?split=train"), std::vector<std::string>{temp / "a"});
  EXPECT_TRUE(list(temp / "other").empty());
  expect_error(ErrorCode::kNotFound, {"nothing"}, [&] { list(temp / "nothing"); });
  expect_error(ErrorCode::kNotFound, {"file"}, [&] { list(temp / "file"); });
}

}  // namespace
}  // namespace ringfeed::testing
