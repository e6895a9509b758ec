// Arrow streams as sources.
#include "source/arrow_source.hpp"

#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/json/from_string.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using testing::with_tensors;
using Texts = std::vector<std::string>;

std::shared_ptr<arrow::RecordBatch> batch_of(const arrow::FieldVector& fields,
                                             const std::vector<std::string>& json) {
  arrow::ArrayVector arrays;
  for (std::size_t i = 0; i < fields.size(); ++i)
    arrays.push_back(
        value_of(arrow::json::ArrayFromJSONString(fields[i]->type(), json[i]), "json"));
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays[0]->length(), arrays);
}

std::unique_ptr<Source> source_of(const arrow::RecordBatchVector& batches, Extent extent,
                                  const SourceOptions& options = {}) {
  const auto reader = value_of(arrow::RecordBatchReader::Make(batches), "reader");
  ArrowArrayStream stream;
  check(arrow::ExportRecordBatchReader(reader, &stream), "stream");
  return open_arrow(&stream, extent, "table", options);
}

const arrow::FieldVector kFields = {arrow::field("x", arrow::fixed_size_list(arrow::float32(), 2)),
                                    arrow::field("flag", arrow::boolean()),
                                    arrow::field("text", arrow::utf8()),
                                    arrow::field("tags", arrow::list(arrow::int32()))};

std::shared_ptr<arrow::RecordBatch> four_rows() {
  return batch_of(kFields, {"[[1, 2], [3, 4], [5, 6], [7, 8]]", "[true, false, true, true]",
                            R"(["a", "", "ccc", "d"])", "[[1], [], [2, 3], [4]]"});
}

TEST(ArrowSource, ValuesOfSlicesAndBatches) {
  const auto whole = four_rows();
  for (const auto extent : {Extent::kWhole, Extent::kStream}) {
    SourceOptions options;
    options.batch_rows = 2;
    const auto source = source_of({whole->Slice(0, 1), whole->Slice(1)}, extent, options);
    EXPECT_EQ(source->in_place(), extent == Extent::kWhole);
    std::vector<float> x;
    Texts texts;
    std::vector<std::int32_t> tags;
    while (const auto batch = source->next()) {
      check_columns(*batch, source->schema(), "test");
      EXPECT_TRUE(batch->ValidateFull().ok());
      EXPECT_LE(batch->num_rows(), 2);
      const auto views = column_views(*batch, source->schema());
      for (std::int64_t row = 0; row < batch->num_rows(); ++row) {
        const auto at = static_cast<std::size_t>(row);
        x.push_back(*reinterpret_cast<const float*>(views[0].sample(at)));
        texts.emplace_back(
            reinterpret_cast<const char*>(views[2].data) + views[2].offsets[row],
            static_cast<std::size_t>(views[2].offsets[row + 1] - views[2].offsets[row]));
        for (auto i = views[3].offsets[row]; i < views[3].offsets[row + 1]; ++i)
          tags.push_back(reinterpret_cast<const std::int32_t*>(views[3].data)[i]);
      }
    }
    EXPECT_EQ(x, (std::vector<float>{1, 3, 5, 7}));
    EXPECT_EQ(texts, (Texts{"a", "", "ccc", "d"}));
    EXPECT_EQ(tags, (std::vector<std::int32_t>{1, 2, 3, 4}));
  }
}

TEST(ArrowSource, FingerprintIsOfTheValues) {
  const auto whole = four_rows();
  const auto fingerprint = source_of({whole}, Extent::kWhole)->fingerprint();
  EXPECT_EQ(source_of({whole->Slice(0, 3), whole->Slice(3)}, Extent::kWhole)->fingerprint(),
            fingerprint);
  EXPECT_NE(source_of({whole->Slice(0, 3)}, Extent::kWhole)->fingerprint(), fingerprint);
  const std::vector<std::vector<std::string>> others = {
      {"[[1, 2], [3, 4], [5, 6], [7, 9]]", "[true, false, true, true]", R"(["a", "", "ccc", "d"])",
       "[[1], [], [2, 3], [4]]"},
      {"[[1, 2], [3, 4], [5, 6], [7, 8]]", "[true, true, true, true]", R"(["a", "", "ccc", "d"])",
       "[[1], [], [2, 3], [4]]"},
      {"[[1, 2], [3, 4], [5, 6], [7, 8]]", "[true, false, true, true]", R"(["a", "c", "cc", "d"])",
       "[[1], [], [2, 3], [4]]"},
      {"[[1, 2], [3, 4], [5, 6], [7, 8]]", "[true, false, true, true]", R"(["a", "", "ccc", "d"])",
       "[[1], [2], [3], [4]]"},
  };
  for (const auto& json : others)
    EXPECT_NE(source_of({batch_of(kFields, json)}, Extent::kWhole)->fingerprint(), fingerprint);
  EXPECT_NE(source_of({whole}, Extent::kStream)->fingerprint(),
            source_of({whole}, Extent::kStream)->fingerprint());
}

TEST(ArrowSource, TypesAndTensorsAsOfParquet) {
  const auto batch =
      batch_of({arrow::field("a", arrow::uint16()), arrow::field("b", arrow::int64()),
                arrow::field("s", arrow::large_utf8())},
               {"[1, 65535]", "[3, 4]", R"(["x", "yy"])"});
  const auto source = source_of({batch}, Extent::kWhole);
  EXPECT_FALSE(source->in_place());  // uint16 is made wider, so it is a copy
  const Content content(source_of({batch}, Extent::kWhole));
  EXPECT_EQ(content.types(), "a: int32; b: int64; s: string");
  EXPECT_EQ(content.values<std::int32_t>("a"), (std::vector<std::int32_t>{1, 65535}));
  EXPECT_EQ(content.texts("s"), (Texts{"x", "yy"}));
  const Content packed(source_of({batch}, Extent::kWhole, with_tensors({"x=a,b:2:float32"})));
  EXPECT_EQ(packed.types(), "x: float32 [2]; s: string");
  EXPECT_EQ(packed.values<float>("x"), (std::vector<float>{1, 3, 65535, 4}));
}

TEST(ArrowSource, ClassesAreThoseOfTheWholeAndOfAStreamHaveToBeSaid) {
  const auto batch =
      batch_of({arrow::field("s", arrow::utf8())}, Texts{R"(["dog", "cat", "dog"])"});
  SourceOptions options;
  options.classes = {{"s"}};
  const Content content(source_of({batch, batch}, Extent::kWhole, options));
  EXPECT_EQ(content.schema().at("s").classes, (Texts{"cat", "dog"}));
  EXPECT_EQ(content.values<std::int64_t>("s"), (std::vector<std::int64_t>{1, 0, 1, 1, 0, 1}));
  expect_error(ErrorCode::kInvalidArgument,
               "a stream is read only once, so the names of its classes cannot be found before; "
               "give them",
               [&] { source_of({batch}, Extent::kStream, options); });
  options.classes = {{"s", {"dog", "cat"}}};
  EXPECT_EQ(source_of({batch}, Extent::kStream, options)->schema().at("s").classes,
            (Texts{"dog", "cat"}));
  const Content said(source_of({batch}, Extent::kWhole, options));
  EXPECT_EQ(said.values<std::int64_t>("s"), (std::vector<std::int64_t>{0, 1, 0}));
}

TEST(ArrowSource, WhatIsWrongIsNamed) {
  const auto number = arrow::field("n", arrow::float32());
  expect_error(ErrorCode::kBadData, "table: sample 1: column 'n': the value is missing",
               [&] { Content(source_of({batch_of({number}, {"[1, null]"})}, Extent::kWhole)); });
  expect_error(
      ErrorCode::kBadData,
      "table: sample 2: column 'n': nan is not a finite number (allow_nan admits it); correct it, "
      "or leave the sample out",
      [&] {
        Content(source_of({batch_of({number}, {"[1, 2]"}), batch_of({number}, {"[NaN]"})},
                          Extent::kStream));
      });
  expect_error(ErrorCode::kInvalidArgument, "table: the column name 'n' stands twice",
               [&] { source_of({batch_of({number, number}, {"[1]", "[2]"})}, Extent::kWhole); });
  expect_error(ErrorCode::kBadData, "table: column t: ", [&] {
    source_of({batch_of({arrow::field("t", arrow::date32())}, {"[1]"})}, Extent::kWhole);
  });
}

}  // namespace
}  // namespace ringfeed
