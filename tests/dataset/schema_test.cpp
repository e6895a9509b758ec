#include <arrow/extension/fixed_shape_tensor.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <gtest/gtest.h>

#include <functional>
#include <ringfeed/error.hpp>
#include <ringfeed/schema.hpp>

namespace ringfeed {
namespace {

constexpr DType kAll[] = {DType::kUInt8,   DType::kInt8,    DType::kInt16,
                          DType::kInt32,   DType::kInt64,   DType::kFloat16,
                          DType::kFloat32, DType::kFloat64, DType::kBool};

std::string message_of(ErrorCode code, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(DTypes, NamesGoBothWays) {
  for (const auto dtype : kAll) EXPECT_EQ(dtype_from_name(name_of(dtype)), dtype);
  EXPECT_EQ(size_of(DType::kBool), 1u);
  EXPECT_EQ(size_of(DType::kFloat16), 2u);
  EXPECT_EQ(size_of(DType::kFloat64), 8u);
  EXPECT_NE(
      message_of(ErrorCode::kInvalidArgument, [] { dtype_from_name("float"); }).find("float32"),
      std::string::npos);
}

TEST(Schema, GoesThroughArrowAndBack) {
  Schema schema;
  int number = 0;
  for (const auto dtype : kAll) {
    for (const auto& shape :
         std::vector<std::vector<std::int64_t>>{{}, {1}, {5}, {2, 3}, {2, 1, 4}}) {
      schema.columns.push_back({"t" + std::to_string(number++), ColumnKind::kTensor, dtype, shape});
    }
    schema.columns.push_back({"l" + std::to_string(number++), ColumnKind::kList, dtype, {}});
  }
  schema.columns.push_back({"bytes", ColumnKind::kBinary, DType::kUInt8, {}});
  schema.columns.push_back({"text", ColumnKind::kString, DType::kUInt8, {}});
  const auto arrow_schema = schema.to_arrow();
  EXPECT_EQ(Schema::from_arrow(*arrow_schema), schema);
  for (const auto& field : arrow_schema->fields()) EXPECT_FALSE(field->nullable());
}

TEST(Schema, TakesFixedShapeTensorsAndFixedSizeLists) {
  const auto schema = Schema::from_arrow(*arrow::schema(
      {arrow::field("a", arrow::extension::fixed_shape_tensor(arrow::float32(), {8, 8})),
       arrow::field("b", arrow::fixed_size_list(arrow::int8(), 3)),
       arrow::field("c", arrow::list(arrow::float64()))}));
  EXPECT_EQ(schema.at("a").type_name(), "float32 [8, 8]");
  EXPECT_EQ(schema.at("b").type_name(), "int8 [3]");
  EXPECT_EQ(schema.at("c").type_name(), "list<float64>");
  EXPECT_EQ(schema.at("a").sample_bytes(), 256u);
  EXPECT_EQ(schema.find("d"), nullptr);
  EXPECT_NE(message_of(ErrorCode::kInvalidArgument, [&] { schema.at("d"); }).find("a, b, c"),
            std::string::npos);
}

TEST(Schema, RefusesWhatCannotBeHeldAndNamesIt) {
  const auto refuse = [](const arrow::FieldVector& fields, std::string_view part) {
    EXPECT_NE(message_of(ErrorCode::kBadData, [&] { Schema::from_arrow(*arrow::schema(fields)); })
                  .find(part),
              std::string::npos);
  };
  refuse({}, "at least one");
  refuse({arrow::field("when", arrow::timestamp(arrow::TimeUnit::SECOND))}, "when");
  refuse({arrow::field("x", arrow::list(arrow::utf8()))},
         "column x: type list<item: string> cannot be");
  refuse({arrow::field("x", arrow::list(arrow::list(arrow::int8())))}, "lists are of numbers");
  refuse({arrow::field("x", arrow::fixed_size_list(arrow::utf8(), 2))}, "x");
  refuse({arrow::field("x", arrow::int8()), arrow::field("x", arrow::int8())}, "twice");
  refuse({arrow::field("x", arrow::fixed_size_list(arrow::int8(), 0))}, "hold nothing");
  const auto tensor = [](const std::string& metadata) {
    return arrow::field(
        "x", arrow::fixed_size_list(arrow::int8(), 6), false,
        arrow::key_value_metadata({"ARROW:extension:name", "ARROW:extension:metadata"},
                                  {"arrow.fixed_shape_tensor", metadata}));
  };
  for (const auto* metadata : {"", "{}", "[]", "{\"shape\":6}", "{\"shape\":[2,4]}",
                               "{\"shape\":[-2,-3]}", "{\"shape\":[]}", "{\"shape\":[6.0]}",
                               "{\"shape\":[4294967296,4294967296]}", "{\"shape\":[\"6\"]}"}) {
    refuse({tensor(metadata)}, "x");
  }
}

TEST(Schema, WhatNoDataSetCanHaveIsNamedWithItsLimit) {
  const auto refuse = [](const Schema& schema, std::string_view part) {
    const auto message = message_of(ErrorCode::kBadData, [&] { schema.check(); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  const auto named = [](std::string name) {
    return Schema{{{std::move(name), ColumnKind::kTensor, DType::kInt8, {}}}};
  };
  named("x").check();
  named(std::string(1024, 'n')).check();
  refuse({}, "no column");
  refuse(named(""), "column 1 has no name");
  refuse(named(std::string(1025, 'n')), "column 1 has 1025 bytes, the limit is 1024");
  refuse(named("\xff"), "not UTF-8");
  Schema many;
  for (int i = 0; i < 65536; ++i)
    many.columns.push_back({std::to_string(i), ColumnKind::kTensor, DType::kInt8, {}});
  many.check();
  many.columns.push_back({"one more", ColumnKind::kTensor, DType::kInt8, {}});
  refuse(many, "65537 columns, the limit is 65536");
  refuse(
      {{{"x", ColumnKind::kTensor, DType::kInt8, {}}, {"x", ColumnKind::kList, DType::kInt8, {}}}},
      "column x: the name stands twice");
  const auto shaped = [](std::vector<std::int64_t> shape) {
    return Schema{{{"x", ColumnKind::kTensor, DType::kFloat64, std::move(shape)}}};
  };
  shaped({1 << 20}).check();
  refuse(shaped({(1 << 20) + 1}), "column x: a dimension is 1048577, not in 1 to 1048576");
  refuse(shaped({INT64_MAX, INT64_MAX}), "column x");
  refuse(shaped({2, 0}), "column x: a dimension is 0");
  refuse(shaped(std::vector<std::int64_t>(17, 1)), "column x has 17 dimensions, the limit is 16");
  auto two = shaped({1 << 20});
  two.columns.push_back({"y", ColumnKind::kTensor, DType::kInt8, {}});
  refuse(two, "each sample has 8388609 bytes, the limit is 8388608");
  refuse({{{"x", ColumnKind::kString, DType::kInt8, {}}}}, "column x: string");
  refuse({{{"x", ColumnKind::kList, DType::kInt8, {3}}}}, "column x: list");
}

}  // namespace
}  // namespace ringfeed
