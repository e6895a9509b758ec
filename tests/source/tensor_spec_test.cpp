#include "source/tensor_spec.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using Names = std::vector<std::string>;

TEST(TensorSpec, Parse) {
  const auto image = TensorSpec::parse("image=f0..f63,extra:5x13:float32");
  EXPECT_EQ(image.name, "image");
  EXPECT_EQ(image.columns, (Names{"f0..f63", "extra"}));
  EXPECT_EQ(image.shape, (std::vector<std::int64_t>{5, 13}));
  EXPECT_EQ(image.dtype, DType::kFloat32);
  EXPECT_TRUE(TensorSpec::parse("y=f64::int64").shape.empty());
  EXPECT_TRUE(TensorSpec::parse("y=f64:scalar:int64").shape.empty());
  EXPECT_EQ(TensorSpec::parse("y=f64:1:bool").shape, std::vector<std::int64_t>{1});
}

TEST(TensorSpec, NameAndDTypeMayBeThoseOfTheColumn) {
  const auto spec = TensorSpec::parse("image:3x4");
  EXPECT_EQ(spec.name, "image");
  EXPECT_EQ(spec.columns, Names{"image"});
  EXPECT_EQ(spec.shape, (std::vector<std::int64_t>{3, 4}));
  EXPECT_FALSE(spec.dtype.has_value());
  EXPECT_EQ(TensorSpec::parse("a::int64").name, "a");
  EXPECT_TRUE(TensorSpec::parse("a:scalar").shape.empty());
}

TEST(TensorSpec, Types) {
  EXPECT_EQ(parse_type("x=int64").type_name(), "int64");
  EXPECT_EQ(parse_type("a=b=float32:8x8").name, "a=b");
  EXPECT_EQ(parse_type("x=float32:8x8").type_name(), "float32 [8, 8]");
  EXPECT_EQ(parse_type("x=list<int32>").type_name(), "list<int32>");
  EXPECT_EQ(parse_type("x=string").type_name(), "string");
  EXPECT_EQ(parse_type("x=binary").type_name(), "binary");
  for (const auto* const text : {"", "x", "=int64", "x=", "x=int65", "x=list<string>", "x=int64:0",
                                 "x=int64:2x", "x=list<int64>:2"}) {
    expect_error(ErrorCode::kInvalidArgument, "the form is NAME=TYPE", [&] { parse_type(text); });
  }
}

TEST(TensorSpec, ColumnsAreChosenOrLeftOutBeforeTheyArePacked) {
  const Names names = {"a", "b", "c", "d"};
  SourceOptions options;
  options.tensors = {TensorSpec::parse("t=c:1:int8")};
  EXPECT_EQ(choose_columns(options, names).others, (Places{0, 1, 3}));
  options.drop = {"a..b"};
  EXPECT_EQ(choose_columns(options, names).others, Places{3});
  options.columns = {"a"};
  expect_error(ErrorCode::kInvalidArgument, "columns and drop",
               [&] { choose_columns(options, names); });
  options.drop = {};
  expect_error(ErrorCode::kInvalidArgument, "tensors t: there is no column 'c'; the columns are a",
               [&] { choose_columns(options, names); });
  options.columns = {"d", "c", "b"};
  EXPECT_EQ(choose_columns(options, names).others, (Places{3, 1}));
  EXPECT_EQ(choose_columns(options, names).tensors, std::vector<Places>{{2}});
  options.columns = {"c", "b..d"};
  expect_error(ErrorCode::kInvalidArgument, "columns: 'c' stands twice",
               [&] { choose_columns(options, names); });
}

TEST(TensorSpec, ColumnNamesMayHaveColonsAndEqualsSigns) {
  const auto spec = TensorSpec::parse("y=a:b=c::int64");
  EXPECT_EQ(spec.name, "y");
  EXPECT_EQ(spec.columns, Names{"a:b=c"});
}

TEST(TensorSpec, EachMistakeIsNamedWithTheForm) {
  struct Case {
    std::string text;
    std::string what;
  };
  for (const auto& [text, what] : std::vector<Case>{
           {"", "SHAPE is missing"},
           {"y=a", "SHAPE is missing"},
           {"y=a:int64", "SHAPE is missing"},
           {":int64", "SHAPE is missing"},
           {"a,b:2:int64", "there is no '=' after the name"},
           {"a..b:2:int64", "there is no '=' after the name"},
           {"=a::int64", "the tensor has no name"},
           {"y=::int64", "a column has no name"},
           {"y=a,,b:2:int64", "a column has no name"},
           {"y=a:0:int64", "the shape '0' is not whole numbers"},
           {"y=a:-1:int64", "the shape '-1' is not whole numbers"},
           {"y=a:8x:int64", "the shape '8x' is not whole numbers"},
           {"y=a:8,8:int64", "the shape '8,8' is not whole numbers"},
           {"y=a:65536x65536:int64", "more than 2147483647 elements"},
           {"y=a:1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1:int64", "more than 16 dimensions"},
       }) {
    expect_error(ErrorCode::kInvalidArgument, what, [&] { TensorSpec::parse(text); });
    expect_error(ErrorCode::kInvalidArgument, "NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE",
                 [&] { TensorSpec::parse(text); });
  }
  expect_error(ErrorCode::kInvalidArgument, "tensors 'y=a::int65': unknown dtype 'int65'",
               [] { TensorSpec::parse("y=a::int65"); });
}

TEST(TensorSpec, FindColumns) {
  const Names columns = {"a", "b", "c..d", "e"};
  const auto find = [&](const std::string& text) {
    return find_columns("tensors t", TensorSpec::parse("t=" + text + "::int8").columns, columns);
  };
  EXPECT_EQ(find("a"), Places{0});
  EXPECT_EQ(find("a..e"), (Places{0, 1, 2, 3}));
  EXPECT_EQ(find("b..b"), Places{1});
  EXPECT_EQ(find("e,a..b"), (Places{3, 0, 1}));
  EXPECT_EQ(find("c..d"), Places{2});  // a column of that very name, not a range
  expect_error(ErrorCode::kInvalidArgument,
               "tensors t: there is no column 'x'; the columns are a, b, c..d, e",
               [&] { find("x"); });
  expect_error(ErrorCode::kInvalidArgument, "there is no column 'z'", [&] { find("a..z"); });
  expect_error(ErrorCode::kInvalidArgument, "the range e..a runs backwards; write it as a..e",
               [&] { find("e..a"); });
}

TEST(TensorSpec, TheShapeMustTakeAllElements) {
  EXPECT_EQ(column_of(TensorSpec::parse("t=a:2x3:int8"), 6).type_name(), "int8 [2, 3]");
  expect_error(ErrorCode::kInvalidArgument,
               "tensors t: the columns have 5 elements, but the shape 2x3 takes 6",
               [] { column_of(TensorSpec::parse("t=a:2x3:int8"), 5); });
  expect_error(ErrorCode::kInvalidArgument,
               "the columns have 2 elements, but the shape scalar takes 1",
               [] { column_of(TensorSpec::parse("t=a::int8"), 2); });
}

TEST(TensorSpec, SpecsMadeByHandAreChecked) {
  const TensorSpec good = TensorSpec::parse("t=a::int8");
  check_tensors({good});
  expect_error(ErrorCode::kInvalidArgument, "tensors t: the name stands twice",
               [&] { check_tensors({good, good}); });
  for (const auto& shape :
       std::vector<std::vector<std::int64_t>>{{0}, {-1}, {1LL << 40, 1LL << 40}}) {
    auto bad = good;
    bad.shape = shape;
    expect_error(ErrorCode::kInvalidArgument, "tensors 't': it needs",
                 [&] { check_tensors({bad}); });
  }
}

}  // namespace
}  // namespace ringfeed
