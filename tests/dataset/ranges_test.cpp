#include "dataset/ranges.hpp"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

namespace ringfeed {
namespace {

template <typename Builder, typename T>
std::shared_ptr<arrow::Array> array_of(const std::vector<T>& values) {
  Builder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return builder.Finish().ValueOrDie();
}

Schema scalar(DType dtype) {
  Schema schema;
  schema.columns = {{"x", ColumnKind::kTensor, dtype, {}}};
  return schema;
}

template <typename Builder, typename T>
std::vector<ColumnRange> ranges_of_values(DType dtype, const std::vector<T>& values) {
  const auto schema = scalar(dtype);
  const auto batch = arrow::RecordBatch::Make(
      schema.to_arrow(), static_cast<std::int64_t>(values.size()), {array_of<Builder, T>(values)});
  return ranges_of(*batch, schema);
}

template <typename Builder, typename T>
void expect_extremes(DType dtype) {
  using Limits = std::numeric_limits<T>;
  EXPECT_EQ((ranges_of_values<Builder, T>(dtype, {1, Limits::max(), Limits::min(), 0})),
            (std::vector<ColumnRange>{{0, Limits::min(), Limits::max()}}));
  EXPECT_EQ((ranges_of_values<Builder, T>(dtype, {7})), (std::vector<ColumnRange>{{0, 7, 7}}));
}

TEST(Ranges, ExtremesOfEachDtype) {
  expect_extremes<arrow::UInt8Builder, std::uint8_t>(DType::kUInt8);
  expect_extremes<arrow::Int8Builder, std::int8_t>(DType::kInt8);
  expect_extremes<arrow::Int16Builder, std::int16_t>(DType::kInt16);
  expect_extremes<arrow::Int32Builder, std::int32_t>(DType::kInt32);
  expect_extremes<arrow::Int64Builder, std::int64_t>(DType::kInt64);
}

TEST(Ranges, OfASliceOnlyItsRows) {
  const auto schema = scalar(DType::kInt32);
  std::vector<std::int32_t> values(100);
  std::iota(values.begin(), values.end(), 0);
  const auto batch =
      arrow::RecordBatch::Make(schema.to_arrow(), 100, {array_of<arrow::Int32Builder>(values)});
  EXPECT_EQ(ranges_of(*batch->Slice(10, 5), schema), (std::vector<ColumnRange>{{0, 10, 14}}));
}

TEST(Ranges, AreKeptForIntegersOfOneElement) {
  const auto spec = [](ColumnKind kind, DType dtype, std::vector<std::int64_t> shape) {
    return ColumnSpec{"x", kind, dtype, std::move(shape)};
  };
  EXPECT_TRUE(has_range(spec(ColumnKind::kTensor, DType::kInt64, {})));
  EXPECT_TRUE(has_range(spec(ColumnKind::kTensor, DType::kUInt8, {1, 1})));
  EXPECT_FALSE(has_range(spec(ColumnKind::kTensor, DType::kInt64, {2})));
  EXPECT_FALSE(has_range(spec(ColumnKind::kTensor, DType::kBool, {})));
  EXPECT_FALSE(has_range(spec(ColumnKind::kTensor, DType::kFloat32, {})));
  EXPECT_FALSE(has_range(spec(ColumnKind::kList, DType::kInt64, {})));
  EXPECT_FALSE(has_range(spec(ColumnKind::kString, DType::kUInt8, {})));
}

TEST(Ranges, Widen) {
  std::vector<ColumnRange> ranges;
  widen(ranges, {{1, 3, 4}, {2, -1, 0}});
  widen(ranges, {{1, 0, 3}, {2, 5, 6}});
  EXPECT_EQ(ranges, (std::vector<ColumnRange>{{1, 0, 4}, {2, -1, 6}}));
}

}  // namespace
}  // namespace ringfeed
