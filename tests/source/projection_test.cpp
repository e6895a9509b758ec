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
  auto options = testing::with_tensors({"t=b,a:3:float32"});
  options.drop = {"c"};
  const Projection projection("f", source, options);
  EXPECT_EQ(projection.used(), (std::vector<std::size_t>{0, 1}));
  EXPECT_TRUE(projection.copies());
  options = testing::with_tensors({"t=b:2x1:float32"});
  options.columns = {"b"};
  EXPECT_FALSE(Projection("f", source, options).copies());
  expect_error(ErrorCode::kBadData, "f: column c cannot be held, or leave the column out with drop",
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
  const auto batch = all.project(slices, 3, 0, faults);
  ASSERT_EQ(faults.size(), 2U);
  EXPECT_EQ(faults.at(1).what, "column 'l': nan is not a finite number (allow_nan admits it)");
  EXPECT_EQ(faults.at(1).column, 2U);
  EXPECT_EQ(faults.at(2).what, "column 'b': inf is not a finite number (allow_nan admits it)");
  EXPECT_TRUE(batch->ValidateFull().ok());
  EXPECT_EQ(batch->Slice(0, 1)->column(1)->ToString(), "[\n  [\n    1,\n    2\n  ]\n]");

  faults.clear();
  auto options = testing::with_tensors({"t=k,a:2:uint8", "u=k,k:2:bool"});
  options.drop = {"b", "l"};
  const Projection packed("f", source, options);
  const auto packed_batch = packed.project({slices[0], slices[3]}, 3, 0, faults);
  EXPECT_TRUE(faults.empty());
  EXPECT_TRUE(packed_batch->column(0)->Equals(
      *array(packed_batch->column(0)->type(), "[[1, 2], [1, 3], [0, 4]]")));
  EXPECT_TRUE(packed_batch->column(1)->Equals(
      *array(packed_batch->column(1)->type(), "[[true, true], [true, true], [false, false]]")));
}

// Lists whose lengths fit become tensors; the others are bad records, named with what is due.
TEST(Projection, ListsBecomeTensors) {
  const std::vector<TypedColumn> source = {
      {{"l", ColumnKind::kList, DType::kInt32, {}}, ""},
      {{"s", ColumnKind::kString, DType::kUInt8, {}}, ""},
  };
  const arrow::ArrayVector slices = {
      array(arrow::list(arrow::int32()), "[[0], [1, 2], [3], [5, 6], [7, 300]]")->Slice(1, 4),
      array(arrow::utf8(), R"(["z", "a", "b", "c", "d"])")->Slice(1, 4)};
  RowFaults faults;
  const Projection same("f", source, testing::with_tensors({"l:2"}));
  EXPECT_EQ(same.schema().columns[0].type_name(), "int32 [2]");
  EXPECT_EQ(same.schema().columns[1].type_name(), "string");
  const auto batch = same.project(slices, 4, 0, faults);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults.at(1).what, "column 'l': the list has 1 elements, the shape 2 takes 2");
  EXPECT_EQ(batch->Slice(2, 1)->column(0)->ToString(), "[\n  [\n    5,\n    6\n  ]\n]");

  faults.clear();
  const Projection narrow("f", source, testing::with_tensors({"t=l:2x1:uint8"}));
  EXPECT_EQ(narrow.schema().columns[0].type_name(), "uint8 [2, 1]");
  narrow.project(slices, 4, 0, faults);
  EXPECT_EQ(faults.at(3).what, "column 'l': 300 is out of the range of uint8");
  expect_error(ErrorCode::kInvalidArgument,
               "tensors t: column 's' is string, which makes no tensor",
               [&] { Projection("f", source, testing::with_tensors({"t=s:2:uint8"})); });
}

TEST(Projection, TextAndWholeNumbersBecomeClasses) {
  const std::vector<TypedColumn> source = {
      {{"s", ColumnKind::kString, DType::kUInt8, {}}, ""},
      {{"n", ColumnKind::kTensor, DType::kInt32, {}}, ""},
      {{"f", ColumnKind::kTensor, DType::kFloat32, {}}, ""},
  };
  SourceOptions options;
  options.classes = {{"s", {"cat", "dog"}}, {"n", {"-5", "7"}}};
  const Projection projection("f", source, options);
  EXPECT_EQ(projection.schema().columns[0].type_name(), "int64");
  EXPECT_EQ(projection.schema().columns[1].classes, (std::vector<std::string>{"-5", "7"}));
  RowFaults faults;
  const auto batch = projection.project(
      {array(arrow::utf8(), R"(["dog", "cat", "eel"])"), array(arrow::int32(), "[7, -5, 7]"),
       array(arrow::float32(), "[0, 1, 2]")},
      3, 0, faults);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults.at(2).what, "column 's': 'eel' is none of the classes cat, dog");
  EXPECT_EQ(batch->Slice(0, 2)->column(0)->ToString(), "[\n  1,\n  0\n]");
  EXPECT_EQ(batch->Slice(0, 2)->column(1)->ToString(), "[\n  1,\n  0\n]");
  options.classes = {{"f", {"1"}}};
  expect_error(
      ErrorCode::kInvalidArgument,
      "SourceOptions::classes: column 'f' is float32; classes are of text or of whole numbers",
      [&] { Projection("f", source, options); });
  options.classes = {{"g", {}}};
  expect_error(ErrorCode::kInvalidArgument,
               "SourceOptions::classes: there is no column 'g'; the columns that are in no tensor "
               "are s, n, f",
               [&] { Projection("f", source, options); });
}

TEST(Projection, NanIsAValueWhereItIsAllowed) {
  const std::vector<TypedColumn> source = {{{"x", ColumnKind::kTensor, DType::kFloat64, {}}, ""},
                                           {{"y", ColumnKind::kTensor, DType::kFloat32, {}}, ""}};
  const arrow::ArrayVector arrays = {array(arrow::float64(), "[NaN, 1e300, -Inf]"),
                                     array(arrow::float32(), "[NaN, 1, 2]")};
  auto options = testing::with_tensors({"x::float32", "half=y::float16"});
  RowFaults faults;
  Projection("f", source, options).project(arrays, 3, 0, faults);
  EXPECT_EQ(faults.size(), 3U);
  options.allow_nan = true;
  faults.clear();
  const auto batch = Projection("f", source, options).project(arrays, 3, 0, faults);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults.at(1).what, "column 'x': 1e+300 is out of the range of float32");
  EXPECT_EQ(batch->column(0)->Slice(2)->ToString(), "[\n  -inf\n]");
  options = testing::with_tensors({"x::int64"});
  options.allow_nan = true;
  faults.clear();
  Projection("f", source, options).project(arrays, 3, 0, faults);
  EXPECT_EQ(faults.at(0).what, "column 'x': nan is not a whole number, as int64 needs");
}

TEST(Projection, TypesThatAreSaidAreCast) {
  const std::vector<TypedColumn> source = {{{"x", ColumnKind::kTensor, DType::kInt64, {}}, ""},
                                           {{"l", ColumnKind::kList, DType::kFloat64, {}}, ""}};
  SourceOptions options;
  options.types = {parse_type("x=float32"), parse_type("l=list<int8>")};
  options.row_number = "row";
  const Projection projection("f", source, options);
  RowFaults faults;
  const auto batch = projection.project(
      {array(arrow::int64(), "[9, 1, 2]")->Slice(1, 2),
       array(arrow::list(arrow::float64()), "[[9], [1, 2], [1.5]]")->Slice(1, 2)},
      2, 40, faults);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults.at(1).what, "column 'l': 1.5 is not a whole number, as int8 needs");
  EXPECT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull().ToString();
  EXPECT_EQ(batch->column(1)->Slice(0, 1)->ToString(), "[\n  [\n    1,\n    2\n  ]\n]");
  EXPECT_EQ(batch->column(2)->ToString(), "[\n  40,\n  41\n]");
  options.types = {parse_type("x=string")};
  expect_error(
      ErrorCode::kInvalidArgument,
      "SourceOptions::types: column 'x' is int64, which does not become string; cast it before",
      [&] { Projection("f", source, options); });
}

TEST(Projection, TensorsOfOneDimensionBecomeLists) {
  const std::vector<TypedColumn> source = {{{"x", ColumnKind::kTensor, DType::kInt64, {2}}, ""}};
  SourceOptions options;
  options.types = {parse_type("x=list<uint8>")};
  const Projection projection("f", source, options);
  RowFaults faults;
  const auto rows = array(arrow::fixed_size_list(arrow::int64(), 2), "[[9, 9], [1, 2], [3, 300]]");
  const auto batch = projection.project({rows->Slice(1, 2)}, 2, 0, faults);
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults.at(1).what, "column 'x': 300 is out of the range of uint8");
  EXPECT_TRUE(batch->ValidateFull().ok()) << batch->ValidateFull().ToString();
  EXPECT_EQ(batch->column(0)->Slice(0, 1)->ToString(), "[\n  [\n    1,\n    2\n  ]\n]");
  const std::vector<TypedColumn> wide = {{{"x", ColumnKind::kTensor, DType::kInt64, {2, 2}}, ""}};
  expect_error(ErrorCode::kInvalidArgument,
               "column 'x' is int64 [2, 2], which does not become list<uint8>; cast it before",
               [&] { Projection("f", wide, options); });
}

TEST(Projection, BatchesHaveBounds) {
  EXPECT_EQ(rows_of_batch(0, 100), 100);
  EXPECT_EQ(rows_of_batch(std::uint64_t{1} << 20, 100), 16);
  EXPECT_EQ(rows_of_batch(std::uint64_t{1} << 30, 100), 1);
}

}  // namespace
}  // namespace ringfeed
