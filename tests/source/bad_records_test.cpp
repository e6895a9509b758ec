#include "source/bad_records.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::read_all;
using testing::TempFolder;
using testing::write_all;

TEST(BadRecords, TextIsShortAndOneLine) {
  EXPECT_EQ(in_quotes("a b"), "'a b'");
  EXPECT_EQ(in_quotes("a\nb\tc\r\x01"), "'a\\nb\\tc\\r\\u0001'");
  EXPECT_EQ(in_quotes(std::string(41, 'x')), "'" + std::string(40, 'x') + "...'");
  // 39 bytes, then a character of two: it is left out whole.
  EXPECT_EQ(in_quotes(std::string(39, 'x') + "\xC3\xA9"), "'" + std::string(39, 'x') + "...'");
}

TEST(BadRecords, ListsHaveAnEnd) {
  EXPECT_EQ(listed({"a", "b"}), "a, b");
  const auto many = listed(std::vector<std::string>(25, "c"));
  EXPECT_TRUE(many.ends_with("c, c and 5 more")) << many;
}

TEST(BadRecords, ErrorEndsTheRun) {
  BadRecords bad({}, {});
  expect_error(ErrorCode::kBadData,
               "a.csv:7: it is wrong; correct it, or leave bad records out with "
               "SourceOptions::on_bad = skip",
               [&] { bad.add("a.csv", 7, "it is wrong"); });
}

std::ptrdiff_t files_in(const TempFolder& folder) {
  return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

TEST(BadRecords, SkipCountsAndWrites) {
  const TempFolder folder;
  SourceOptions options;
  options.on_bad = OnBad::kSkip;
  options.rejects_path = folder / "rejects.txt";
  write_all(options.rejects_path, "of a run before");
  write_all(options.rejects_path + ".part", "of somebody else");
  BadRecords bad(options, {});
  std::string expected;
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    bad.add("a.csv", i, "it is wrong");
    expected += "a.csv:" + std::to_string(i) + ": it is wrong\n";
  }
  EXPECT_EQ(read_all(options.rejects_path), "of a run before");
  bad.finish();
  bad.finish();
  EXPECT_EQ(bad.count(), 5000U);
  EXPECT_EQ(read_all(options.rejects_path), expected);
  EXPECT_EQ(read_all(options.rejects_path + ".part"), "of somebody else");
  EXPECT_EQ(files_in(folder), 2) << "a file was left behind";
}

TEST(BadRecords, RejectsFilesThatCannotBe) {
  const TempFolder folder;
  SourceOptions options;
  options.rejects_path = folder / "rejects.txt";
  expect_error(ErrorCode::kInvalidArgument, "add SourceOptions::on_bad = skip",
               [&] { BadRecords(options, {}); });
  options.on_bad = OnBad::kSkip;
  write_all(options.rejects_path, "x\n1\n");
  expect_error(ErrorCode::kInvalidArgument, "would replace a source",
               [&] { BadRecords(options, {folder / "./rejects.txt"}); });
  options.rejects_path = folder / "missing/rejects.txt";
  expect_error(ErrorCode::kNotFound, "/missing", [&] { BadRecords(options, {}); });
}

}  // namespace
}  // namespace ringfeed
