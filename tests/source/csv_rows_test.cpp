#include "source/csv_rows.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::OneFile;
using testing::TempFolder;
using testing::write_all;
using Names = std::vector<std::string>;

Names columns_of(const std::string& text) {
  const OneFile file("a.csv", text);
  return CsvRows({file.path}).columns();
}

TEST(CsvRows, AFirstRowOfNumbersIsNoHeader) {
  EXPECT_EQ(columns_of("1,2.5,-3e4\n"), (Names{"f0", "f1", "f2"}));
  EXPECT_EQ(columns_of("1,nan,inf\n"), (Names{"f0", "f1", "f2"}));
  EXPECT_EQ(columns_of("1,,3\n"), (Names{"f0", "f1", "f2"}));
  EXPECT_EQ(columns_of("a,b\n1,2\n"), (Names{"a", "b"}));
  EXPECT_EQ(columns_of("1,b\n1,2\n"), (Names{"1", "b"}));
  EXPECT_EQ(columns_of("\"a, b\", c \n"), (Names{"a, b", "c"}));
  EXPECT_EQ(columns_of(",x\n0,1\n"), (Names{"f0", "x"}));  // the index column of pandas
}

TEST(CsvRows, WhetherThereIsAHeaderCanBeSaid) {
  const OneFile years("years.csv", "2021,2022\n1,2\n");
  EXPECT_EQ(CsvRows({years.path}).columns(), (Names{"f0", "f1"}));
  CsvRows named({years.path}, Header::kYes);
  EXPECT_EQ(named.columns(), (Names{"2021", "2022"}));
  ASSERT_TRUE(named.next());
  EXPECT_EQ(named.line(), 2U);
  const OneFile words("words.csv", "a,b\nc,d\n");
  CsvRows unnamed({words.path, words.path}, Header::kNo);
  EXPECT_EQ(unnamed.columns(), (Names{"f0", "f1"}));
  for (const auto* first : {"a", "c", "a", "c"}) {
    ASSERT_TRUE(unnamed.next());
    EXPECT_EQ(unnamed.fields()[0], first);
  }
  EXPECT_FALSE(unnamed.next());
}

// pandas.DataFrame(array).to_csv() writes such a header, with index=True behind an empty field.
TEST(CsvRows, AFirstRowThatCountsUpMayBeEither) {
  for (const std::string first : {"0,1,2,3", ",0,1", "0"}) {
    const OneFile file("a.csv", first + "\n" + first + "\n");
    expect_error(ErrorCode::kInvalidArgument,
                 "a.csv:1: the first row counts up from 0, so it may name the columns or be a "
                 "record; say SourceOptions::header = yes or SourceOptions::header = no",
                 [&] { CsvRows({file.path}); });
    EXPECT_EQ(CsvRows({file.path}, Header::kYes).columns().back(), first.substr(first.size() - 1));
    EXPECT_EQ(CsvRows({file.path}, Header::kNo).columns()[0], "f0");
  }
  for (const auto* first : {"1,2\n", "0,1,3\n", "0,1.0\n", "0,01\n", "00\n", "0,,2\n"})
    EXPECT_EQ(columns_of(first)[0], "f0") << first;
}

TEST(CsvRows, BadHeaders) {
  expect_error(ErrorCode::kBadData, "a.csv:1: the column name 'x' stands twice",
               [] { columns_of("x,y,x\n"); });
  expect_error(ErrorCode::kBadData, "a.csv:2: the name of column 2 is not UTF-8",
               [] { columns_of("\nx,\xff\n"); });
  expect_error(ErrorCode::kBadData, "there is no record and no header", [] { columns_of("\n\n"); });
}

TEST(CsvRows, FilesFollowEachOther) {
  const TempFolder folder;
  write_all(folder / "a.csv", "x,y\n1,2\n");
  write_all(folder / "b.csv", "x,y\n");
  write_all(folder / "c.csv", "\nx,y\n3,4\n");
  CsvRows rows({folder / "a.csv", folder / "b.csv", folder / "c.csv"});
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.path(), folder / "a.csv");
  EXPECT_EQ(rows.line(), 2U);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.path(), folder / "c.csv");
  EXPECT_EQ(rows.line(), 3U);
  EXPECT_EQ(rows.fields()[1], "4");
  EXPECT_FALSE(rows.next());
  EXPECT_FALSE(rows.next());
  EXPECT_EQ(rows.bytes_read(), 8U + 4U + 9U);
}

TEST(CsvRows, FilesWithoutHeaderFollowEachOther) {
  const TempFolder folder;
  write_all(folder / "a.csv", "1,2\n");
  write_all(folder / "b.csv", "3,x\n");
  CsvRows rows({folder / "a.csv", folder / "b.csv"});
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.fields()[0], "1");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.fields()[1], "x");
  EXPECT_FALSE(rows.next());
}

TEST(CsvRows, FilesMustHaveTheSameHeader) {
  const TempFolder folder;
  write_all(folder / "a.csv", "x,y\n1,2\n");
  write_all(folder / "numbers.csv", "1,2\n");
  for (const std::string text : {"x,z\n1,2\n", "y,x\n1,2\n", "x\n1\n", "1,2\n"}) {
    write_all(folder / "b.csv", text);
    CsvRows rows({folder / "a.csv", folder / "b.csv"});
    ASSERT_TRUE(rows.next());
    expect_error(ErrorCode::kBadData,
                 "b.csv:1: the first row is not the header of " + (folder / "a.csv") + " (x, y)",
                 [&] { rows.next(); });
  }
  CsvRows rows({folder / "numbers.csv", folder / "a.csv"});
  ASSERT_TRUE(rows.next());
  expect_error(ErrorCode::kBadData, "a.csv:1: the first row is a header, but",
               [&] { rows.next(); });
}

}  // namespace
}  // namespace ringfeed
