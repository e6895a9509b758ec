// Cells to Arrow memory and back, for every dtype and kind; and cells that are wrong.
#include <arrow/api.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>

#include "base/random.hpp"
#include "dataset/chunk.hpp"
#include "store/rows/column.hpp"

namespace ringfeed::rows {
namespace {

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

std::shared_ptr<arrow::RecordBatch> decode(const RowColumn& column,
                                           const std::vector<std::string>& cells) {
  const std::vector<std::string_view> views(cells.begin(), cells.end());
  const auto schema = Schema{{column.spec}}.to_arrow();
  auto batch = arrow::RecordBatch::Make(schema, static_cast<std::int64_t>(cells.size()),
                                        {decode_cells(column, views)});
  EXPECT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull().ToString();
  return batch;
}

std::string what_is_wrong(const RowColumn& column, const std::vector<std::string_view>& cells,
                          std::size_t row) {
  try {
    decode_cells(column, cells);
  } catch (const BadCell& bad) {
    EXPECT_EQ(bad.row, row);
    return bad.what;
  }
  return "nothing";
}

RowColumn tensor(DType dtype, std::vector<std::int64_t> shape, std::string type) {
  return {{"x", ColumnKind::kTensor, dtype, std::move(shape)}, "x", std::move(type)};
}

/// What a cell becomes, it came from.
void expect_round_trip(const RowColumn& column, const std::vector<std::string>& cells) {
  ASSERT_EQ(misfit(column), "");
  const auto batch = decode(column, cells);
  const auto views = column_views(*batch, Schema{{column.spec}});
  for (std::size_t row = 0; row < cells.size(); ++row) {
    std::string cell;
    encode_cell(column, views[0], row, cell);
    EXPECT_EQ(cell, cells[row]) << column.type << " as " << column.spec.type_name();
  }
}

TEST(Cells, VectorOfFloatsIsBigEndianFloatsInARow) {
  const auto column = tensor(DType::kFloat32, {2}, "vector<float, 2>");
  const auto batch = decode(column, {bytes_of({0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0})});
  const auto views = column_views(*batch, Schema{{column.spec}});
  float values[2];
  std::memcpy(values, views[0].data, sizeof(values));
  EXPECT_EQ(values[0], 1.0F);
  EXPECT_EQ(values[1], -2.0F);
}

TEST(Cells, WhichCellsCanBeUsedAsTheyAre) {
  EXPECT_TRUE(in_place(tensor(DType::kFloat32, {2}, "vector<float, 2>"))->swapped);
  EXPECT_TRUE(in_place(tensor(DType::kInt32, {2}, "vector<int, 2>"))->swapped);
  EXPECT_FALSE(in_place(tensor(DType::kFloat64, {2}, "blob"))->swapped);
  for (const auto& [dtype, type] : {std::pair{DType::kFloat64, "vector<double, 2>"},
                                    {DType::kFloat16, "vector<float, 2>"},
                                    {DType::kInt16, "vector<smallint, 2>"},
                                    {DType::kFloat32, "list<float>"},
                                    {DType::kBool, "blob"}}) {
    EXPECT_FALSE(in_place(tensor(dtype, {2}, type))) << type;
  }
}

TEST(Cells, RoundTripOfScalars) {
  expect_round_trip(tensor(DType::kInt8, {}, "tinyint"), {bytes_of({0x80}), bytes_of({1})});
  expect_round_trip(tensor(DType::kUInt8, {}, "smallint"),
                    {bytes_of({0, 255}), bytes_of({0, 0}), bytes_of({0, 128})});
  expect_round_trip(tensor(DType::kInt16, {}, "smallint"), {bytes_of({0x80, 1})});
  expect_round_trip(tensor(DType::kInt32, {}, "int"), {bytes_of({0x80, 1, 2, 3})});
  expect_round_trip(tensor(DType::kInt64, {}, "bigint"), {bytes_of({0x80, 1, 2, 3, 4, 5, 6, 7})});
  expect_round_trip(tensor(DType::kInt64, {}, "timestamp"), {bytes_of({0, 1, 2, 3, 4, 5, 6, 7})});
  expect_round_trip(tensor(DType::kFloat64, {}, "double"), {bytes_of({0x40, 1, 2, 3, 4, 5, 6, 7})});
  expect_round_trip(tensor(DType::kFloat16, {}, "float"),
                    {bytes_of({0x3f, 0x80, 0, 0}), bytes_of({0x7f, 0x80, 0, 0}),
                     bytes_of({0x33, 0x80, 0, 0})});  // 1, infinity, the smallest of all
  expect_round_trip(tensor(DType::kBool, {}, "boolean"),
                    {bytes_of({1}), bytes_of({0}), bytes_of({1})});
}

TEST(Cells, RoundTripOfTensors) {
  expect_round_trip(tensor(DType::kFloat32, {1, 2}, "vector<float, 2>"),
                    {bytes_of({1, 2, 3, 4, 5, 6, 7, 8}), bytes_of({8, 7, 6, 5, 4, 3, 2, 1})});
  // Elements of one and two bytes are of varying length to Cassandra's vectors.
  expect_round_trip(tensor(DType::kInt8, {3}, "vector<tinyint, 3>"),
                    {bytes_of({1, 9, 1, 8, 1, 0xff})});
  expect_round_trip(tensor(DType::kInt16, {2}, "vector<smallint, 2>"),
                    {bytes_of({2, 1, 2, 2, 3, 4})});
  expect_round_trip(tensor(DType::kBool, {3}, "vector<boolean, 3>"), {bytes_of({1, 0, 1})});
  for (const auto dtype : {DType::kUInt8, DType::kBool, DType::kInt32, DType::kFloat16}) {
    const std::string cell(2 * size_of(dtype), '\1');
    expect_round_trip(tensor(dtype, {2}, "blob"), {cell, cell});
  }
}

TEST(Cells, RoundTripOfWhatVaries) {
  expect_round_trip({{"x", ColumnKind::kBinary, DType::kUInt8, {}}, "x", "blob"},
                    {"", bytes_of({0, 1, 255})});
  expect_round_trip({{"x", ColumnKind::kString, DType::kUInt8, {}}, "x", "text"},
                    {"gr\u00f6\u00dfer", ""});
  expect_round_trip({{"x", ColumnKind::kList, DType::kInt32, {}}, "x", "frozen<list<int>>"},
                    {bytes_of({0, 0, 0, 0}), bytes_of({0, 0, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4})});
  expect_round_trip({{"x", ColumnKind::kList, DType::kBool, {}}, "x", "list<boolean>"},
                    {bytes_of({0, 0, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0})});
}

TEST(Cells, UuidIsText) {
  const RowColumn column{{"x", ColumnKind::kString, DType::kUInt8, {}}, "x", "uuid"};
  const auto batch =
      decode(column, {bytes_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})});
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*batch->column(0)).GetString(0),
            "00010203-0405-0607-0809-0a0b0c0d0e0f");
  EXPECT_EQ(what_is_wrong(column, {"abc"}, 0), "it is no uuid");
}

TEST(Cells, WhatIsWrongNamesRowAndSizes) {
  const auto vector = tensor(DType::kFloat32, {2}, "vector<float, 2>");
  const std::string right(8, '\0');
  EXPECT_EQ(what_is_wrong(vector, {right, std::string_view()}, 1),
            "null, which a sample cannot hold");
  EXPECT_EQ(what_is_wrong(vector, {right, right, "1234567"}, 2), "7 bytes, not 8");
  EXPECT_EQ(what_is_wrong(tensor(DType::kInt16, {2, 2}, "blob"), {"12345678", "1"}, 1),
            "1 bytes, where int16 [2, 2] takes 8");
  EXPECT_EQ(what_is_wrong(tensor(DType::kBool, {2}, "blob"), {bytes_of({1, 2})}, 0),
            "a bool is 0 or 1");
  EXPECT_EQ(what_is_wrong(tensor(DType::kUInt8, {}, "smallint"), {bytes_of({1, 0})}, 0),
            "256 is no uint8");
  EXPECT_EQ(what_is_wrong(tensor(DType::kFloat16, {}, "float"), {bytes_of({0x3f, 0x80, 0, 1})}, 0),
            "1.0000001 is no float16");
  const RowColumn list{{"x", ColumnKind::kList, DType::kInt32, {}}, "x", "frozen<list<int>>"};
  EXPECT_EQ(what_is_wrong(list, {std::string_view()}, 0), "null, which a sample cannot hold");
  EXPECT_EQ(what_is_wrong(tensor(DType::kInt32, {2}, "list<int>"),
                          {bytes_of({0, 0, 0, 1, 0, 0, 0, 4, 1, 2, 3, 4})}, 0),
            "1 elements, where int32 [2] takes 2");
  const RowColumn text{{"x", ColumnKind::kString, DType::kUInt8, {}}, "x", "text"};
  EXPECT_EQ(what_is_wrong(text, {bytes_of({0xff})}, 0), "it is not UTF-8 text");
}

TEST(Cells, AnEmptyListThatIsNotFrozenIsANull) {
  const RowColumn column{{"x", ColumnKind::kList, DType::kInt32, {}}, "x", "list<int>"};
  const std::vector<std::string_view> cells(3);
  const auto array = arrow::MakeArray(decode_cells(column, cells));
  EXPECT_EQ(array->length(), 3);
  EXPECT_EQ(static_cast<const arrow::ListArray&>(*array).values()->length(), 0);
}

/// Whatever a cell holds, it is a value or a BadCell.
TEST(Cells, NoBytesCrashALenientReader) {
  const std::uint64_t seed = 5;
  Random random(seed);
  const std::vector<RowColumn> columns = {
      {{"x", ColumnKind::kList, DType::kInt32, {}}, "x", "list<int>"},
      {{"x", ColumnKind::kList, DType::kBool, {}}, "x", "frozen<list<boolean>>"},
      {{"x", ColumnKind::kString, DType::kUInt8, {}}, "x", "text"},
      tensor(DType::kInt8, {3}, "vector<tinyint, 3>"),
      tensor(DType::kFloat32, {2}, "vector<float, 2>"),
      tensor(DType::kInt16, {2}, "list<smallint>"),
      tensor(DType::kBool, {4}, "blob"),
  };
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto& column = columns[random.below(columns.size())];
    std::string cell(random.below(20), '\0');
    for (char& c : cell)
      c = static_cast<char>(random.below(4) == 0 ? random.below(256) : random.below(5));
    const std::vector<std::string_view> cells = {cell};
    try {
      const auto array = arrow::MakeArray(decode_cells(column, cells));
      EXPECT_TRUE(array->ValidateFull().ok()) << "seed " << seed << ", case " << i;
      ++good;
    } catch (const BadCell& bad) {
      EXPECT_FALSE(bad.what.empty());
    }
  }
  EXPECT_GT(good, 100);
}

}  // namespace
}  // namespace ringfeed::rows
