#include "source/csv_parser.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::OneFile;

struct Row {
  std::uint64_t line;
  std::vector<std::string> fields;
  bool operator==(const Row&) const = default;
};

std::vector<Row> rows_of(const std::string& text) {
  const OneFile file("a.csv", text);
  CsvParser parser(file.path);
  std::vector<Row> rows;
  while (parser.next_row()) {
    rows.push_back({parser.line(), {parser.fields().begin(), parser.fields().end()}});
  }
  EXPECT_FALSE(parser.next_row());
  return rows;
}

TEST(CsvParser, RowsAndFields) {
  EXPECT_EQ(rows_of("a,b\n1,2\n"), (std::vector<Row>{{1, {"a", "b"}}, {2, {"1", "2"}}}));
  EXPECT_EQ(rows_of("a,b\n1,2"), (std::vector<Row>{{1, {"a", "b"}}, {2, {"1", "2"}}}));
  EXPECT_EQ(rows_of(",\n,,\n"), (std::vector<Row>{{1, {"", ""}}, {2, {"", "", ""}}}));
  EXPECT_EQ(rows_of("a,"), (std::vector<Row>{{1, {"a", ""}}}));
  EXPECT_EQ(rows_of(" a b , c"), (std::vector<Row>{{1, {" a b ", " c"}}}));
}

TEST(CsvParser, LineEndsAndBlankLines) {
  const std::vector<Row> expected = {{1, {"a"}}, {4, {"b"}}, {5, {"c"}}};
  EXPECT_EQ(rows_of("a\n\n\nb\nc\n\n"), expected);
  EXPECT_EQ(rows_of("a\r\n\r\n\r\nb\r\nc\r\n"), expected);
  EXPECT_EQ(rows_of("a\r\r\rb\rc\r"), expected);
  EXPECT_EQ(rows_of("\n\n"), std::vector<Row>{});
}

TEST(CsvParser, Quotes) {
  EXPECT_EQ(rows_of("\"a,b\",\"c\"\n"), (std::vector<Row>{{1, {"a,b", "c"}}}));
  EXPECT_EQ(rows_of("\"\"\n"), (std::vector<Row>{{1, {""}}}));
  EXPECT_EQ(rows_of("\"a\"\"b\",\"\"\"\",\"\"\"x\"\"\""),
            (std::vector<Row>{{1, {"a\"b", "\"", "\"x\""}}}));
  EXPECT_EQ(rows_of("5\",a\"b\n"), (std::vector<Row>{{1, {"5\"", "a\"b"}}}));
  EXPECT_EQ(rows_of("\"a\"\n\"b\""), (std::vector<Row>{{1, {"a"}}, {2, {"b"}}}));
}

TEST(CsvParser, LineEndsInQuotesCount) {
  EXPECT_EQ(rows_of("\"a\nb\",\"c\r\nd\"\ne,f\n"),
            (std::vector<Row>{{1, {"a\nb", "c\r\nd"}}, {4, {"e", "f"}}}));
  EXPECT_EQ(rows_of("\"a\rb\"\nc\n"), (std::vector<Row>{{1, {"a\rb"}}, {3, {"c"}}}));
}

TEST(CsvParser, TextAfterAClosingQuoteIsSeen) {
  const OneFile file("a.csv", "\"a\"b,c\nd,e\n");
  CsvParser parser(file.path);
  ASSERT_TRUE(parser.next_row());
  EXPECT_TRUE(parser.text_after_quote());
  ASSERT_TRUE(parser.next_row());
  EXPECT_FALSE(parser.text_after_quote());
}

TEST(CsvParser, AQuoteThatIsNotClosedIsNamedByItsLine) {
  const OneFile file("a.csv", "a,b\nc,\"d\ne\n\nf\n");
  CsvParser parser(file.path);
  ASSERT_TRUE(parser.next_row());
  expect_error(ErrorCode::kBadData, "a.csv:2: the quote that is opened here is not closed",
               [&] { parser.next_row(); });
}

TEST(CsvParser, ARowHasABound) {
  const OneFile file("a.csv", "a\n\"" + std::string(CsvParser::kRowBytesMax + (4 << 20), 'x'));
  CsvParser parser(file.path);
  ASSERT_TRUE(parser.next_row());
  expect_error(ErrorCode::kBadData, "a.csv:2: the row is longer than 16 MiB",
               [&] { parser.next_row(); });
}

TEST(CsvParser, ByteOrderMarks) {
  EXPECT_EQ(rows_of("\xEF\xBB\xBF"
                    "a,b\n"),
            (std::vector<Row>{{1, {"a", "b"}}}));
  const OneFile file("a.csv", std::string("\xFF\xFE"
                                          "a\0",
                                          4));
  expect_error(ErrorCode::kBadData, "UTF-16", [&] { CsvParser parser(file.path); });
}

// The buffer has 1 MiB at first: put every kind of byte pair across its end.
TEST(CsvParser, WhereTheBufferEndsDoesNotMatter) {
  const std::string tail = "\"q\"\"r\",s\r\n\"t\r\nu\",v\r\nw,x\n";
  const std::size_t edge = std::size_t{1} << 20;
  for (std::size_t shift = 0; shift <= tail.size(); ++shift) {
    const std::string first(edge - shift - 3, 'a');
    const auto rows = rows_of(first + ",b\n" + tail);
    ASSERT_EQ(rows.size(), 4U) << shift;
    EXPECT_EQ(rows[0].fields[0], first);
    EXPECT_EQ(rows[1], (Row{2, {"q\"r", "s"}})) << shift;
    EXPECT_EQ(rows[2], (Row{3, {"t\r\nu", "v"}})) << shift;
    EXPECT_EQ(rows[3], (Row{5, {"w", "x"}})) << shift;
  }
}

TEST(CsvParser, GzipIsRead) {
  const OneFile file("a.csv.gz", testing::gzip("a,b\n1,2\n"));
  CsvParser parser(file.path);
  ASSERT_TRUE(parser.next_row());
  ASSERT_TRUE(parser.next_row());
  EXPECT_EQ(parser.fields()[1], "2");
}

}  // namespace
}  // namespace ringfeed
