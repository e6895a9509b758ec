#include "source/projection.hpp"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "source/arrays.hpp"
#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using Runs = std::vector<std::pair<std::int64_t, std::int64_t>>;

std::shared_ptr<arrow::Array> array(const std::shared_ptr<arrow::DataType>& type,
                                    const std::string& json) {
  return value_of(arrow::json::ArrayFromJSONString(type, json), "json");
}

TEST(Projection, GoodRunsLeaveOutTheBadRows) {
  const auto numbers = array(arrow::int64(), "[0, 1, 2, 3, 4]");
  const auto batch =
      arrow::RecordBatch::Make(arrow::schema({arrow::field("x", arrow::int64())}), 5, {numbers});
  const auto runs = [&](const std::vector<std::int64_t>& bad) {
    RowFaults faults;
    for (const auto row : bad) faults[row] = {0, "bad"};
    Runs result;
    for (const auto& run : good_runs(batch, faults)) {
      const auto& column = static_cast<const arrow::Int64Array&>(*run->column(0));
      result.emplace_back(column.Value(0), run->num_rows());
    }
    return result;
  };
  EXPECT_EQ(runs({}), (Runs{{0, 5}}));
  EXPECT_EQ(runs({0}), (Runs{{1, 4}}));
  EXPECT_EQ(runs({4}), (Runs{{0, 4}}));
  EXPECT_EQ(runs({1, 3}), (Runs{{0, 1}, {2, 1}, {4, 1}}));
  EXPECT_EQ(runs({0, 1, 2, 3, 4}), Runs{});
}

TEST(Projection, UsesOnlyTheColumnsThatAreNamed) {
  const std::vector<TypedColumn> source = {
      {{"a", ColumnKind::kTensor, DType::kInt32, {}}, ""},
      {{"b", ColumnKind::kTensor, DType::kFloat32, {2}}, ""},
      {{"c", ColumnKind::kTensor, DType::kInt32, {}}, "column c cannot be held"},
  };
  const Projection projection("f", source, testing::with_tensors({"t=b,a:3:float32"}).tensors);
  EXPECT_EQ(projection.used(), (std::vector<std::size_t>{0, 1}));
  EXPECT_TRUE(projection.copies());
  EXPECT_FALSE(
      Projection("f", source, testing::with_tensors({"t=b:2x1:float32"}).tensors).copies());
  expect_error(ErrorCode::kBadData,
               "f: column c cannot be held, or choose other columns with --tensor",
               [&] { Projection("f", source, {}); });
}

// Slices: the offsets of the arrays count, and rows are named from the slice's start.
TEST(Projection, SlicesAreRespected) {
  const std::vector<TypedColumn> source = {
      {{"a", ColumnKind::kTensor, DType::kInt32, {}}, ""},
      {{"b", ColumnKind::kTensor, DType::kFloat64, {2}}, ""},
      {{"l", ColumnKind::kList, DType::kFloat32, {}}, ""},
      {{"k", ColumnKind::kTensor, DType::kBool, {}}, ""},
  };
  const arrow::ArrayVector slices = {
      array(arrow::int32(), "[1, 2, 3, 4]")->Slice(1, 3),
      array(arrow::fixed_size_list(arrow::float64(), 2), "[[NaN, 0], [1, 2], [3, 4], [5, Inf]]")
          ->Slice(1, 3),
      array(arrow::list(arrow::float32()), "[[NaN], [], [1, NaN], [2]]")->Slice(1, 3),
      array(arrow::boolean(), "[false, true, true, false]")->Slice(1, 3),
  };
  RowFaults faults;
  const Projection all("f", source, {});
  const auto batch = all.project(slices, 3, faults);
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults.at(1).what, "column 'l': nan is not a finite number");
  EXPECT_EQ(faults.at(1).column, 2U);
  EXPECT_EQ(faults.at(2).what, "column 'b': inf is not a finite number");
  EXPECT_TRUE(batch->ValidateFull().ok());
  EXPECT_EQ(batch->Slice(0, 1)->column(1)->ToString(), "[\n  [\n    1,\n    2\n  ]\n]");

  faults.clear();
  const Projection packed("f", source,
                          testing::with_tensors({"t=k,a:2:uint8", "u=k,k:2:bool"}).tensors);
  const auto packed_batch = packed.project({slices[0], slices[3]}, 3, faults);
  EXPECT_TRUE(faults.empty());
  EXPECT_TRUE(packed_batch->column(0)->Equals(
      *array(packed_batch->column(0)->type(), "[[1, 2], [1, 3], [0, 4]]")));
  EXPECT_TRUE(packed_batch->column(1)->Equals(
      *array(packed_batch->column(1)->type(), "[[true, true], [true, true], [false, false]]")));
}

TEST(Projection, BatchesHaveBounds) {
  EXPECT_EQ(rows_of_batch(0, 100), 100);
  EXPECT_EQ(rows_of_batch(std::uint64_t{1} << 20, 100), 16);
  EXPECT_EQ(rows_of_batch(std::uint64_t{1} << 30, 100), 1);
}

}  // namespace
}  // namespace ringfeed
