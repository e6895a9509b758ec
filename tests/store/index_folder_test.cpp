// Indexes of a table in a folder: numbered, whole, found again.
#include "store/rows/index_folder.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace ringfeed::rows {
namespace {

using testing::expect_error;

RowIndex small_index() {
  RowIndex index;
  index.cluster = "c";
  index.keyspace = "k";
  index.table = "t";
  index.table_id = "id";
  index.partition_key = {{"a", "int", false}};
  index.columns = {{{"x", ColumnKind::kTensor, DType::kInt32, {}}, "x", "int"}};
  index.block_bytes = 4096;
  index.splits = {{"train", {}}};
  return index;
}

TEST(IndexFolder, NumbersVersions) {
  const testing::TempFolder temp;
  const IndexFolder folder(temp.path(), "My Cluster/..", "k", "T_1");
  EXPECT_EQ(folder.path(), temp.path() + "/My%20Cluster%2F%2E%2E/k/T_1");
  EXPECT_TRUE(folder.versions().empty());
  auto index = small_index();
  folder.add(index);
  EXPECT_EQ(index.version, 1U);
  folder.add(index);
  EXPECT_EQ(index.version, 2U);
  EXPECT_EQ(folder.versions(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(folder.read(2), index);
  folder.remove(1);
  folder.add(index);
  EXPECT_EQ(folder.versions(), (std::vector<std::uint64_t>{2, 3}));
  expect_error(ErrorCode::kNotFound, {"version 1"}, [&] { folder.remove(1); });
  EXPECT_EQ(attached_tables(temp.path(), "My Cluster/..", "k"), std::vector<std::string>{"T_1"});
  EXPECT_TRUE(attached_tables(temp.path(), "other", "k").empty());
}

TEST(IndexFolder, AFileInItsPlaceIsRefused) {
  const testing::TempFolder temp;
  testing::write_all(temp / "file", "");
  for (const std::string root : {"file", "file/deeper"}) {
    expect_error(ErrorCode::kInvalidArgument, {temp / "file: it is no folder"},
                 [&] { IndexFolder(temp / root, "c", "k", "t"); });
  }
}

TEST(IndexFolder, WhatIsNoIndexIsPassedOver) {
  const testing::TempFolder temp;
  const IndexFolder folder(temp.path(), "c", "k", "t");
  auto index = small_index();
  folder.add(index);
  for (const auto* name : {"v02.json", "v0.json", "v2.json.tmp", ".v.json.77", "vx.json", "2.json"})
    std::ofstream(folder.path() + "/" + name) << "x";
  EXPECT_EQ(folder.versions(), std::vector<std::uint64_t>{1});
  std::ofstream(folder.path_of(7)) << index.encode();
  expect_error(ErrorCode::kBadData, {"v7.json", "version 1"}, [&] { folder.read(7); });
}

TEST(IndexRoot, FollowsTheEnvironment) {
  EXPECT_EQ(index_root("/chosen"), "/chosen");
  ::setenv("XDG_DATA_HOME", "/data", 1);
  ::unsetenv("RINGFEED_INDEX");
  EXPECT_EQ(index_root(std::nullopt), "/data/ringfeed/index");
  ::setenv("RINGFEED_INDEX", "/indexes", 1);
  EXPECT_EQ(index_root(std::nullopt), "/indexes");
  ::unsetenv("RINGFEED_INDEX");
  ::unsetenv("XDG_DATA_HOME");
}

}  // namespace
}  // namespace ringfeed::rows
