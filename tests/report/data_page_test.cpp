// What a data set's page holds. How it is drawn is seen in a browser: tests/browser/test_pages.py.
#include "report/data_page.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "report/page_data.hpp"

namespace ringfeed {
namespace {

using testing::data_of;

using Json = nlohmann::json;

template <typename T>
Column column_of(std::string name, DType dtype, std::vector<std::int64_t> shape,
                 std::vector<T>& values) {
  Column column;
  column.name = std::move(name);
  column.dtype = dtype;
  column.shape = std::move(shape);
  column.data = values.data();
  column.bytes = values.size() * sizeof(T);
  return column;
}

TEST(DataPage, SaysWhatColumnsHold) {
  Schema schema;
  schema.columns = {{"label", ColumnKind::kTensor, DType::kInt64, {}, {"cat", "dog"}},
                    {"image", ColumnKind::kTensor, DType::kUInt8, {4, 4}},
                    {"x", ColumnKind::kTensor, DType::kFloat32, {2}}};
  DataPage page(schema);
  std::vector<std::int64_t> labels = {0, 1, 1};
  std::vector<std::uint8_t> pixels(3 * 16);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(5 * i);
  std::vector<float> values = {1, 2, 3, 4, 5, NAN};
  Batch batch;
  batch.size = 3;
  batch.columns = {column_of("label", DType::kInt64, {3}, labels),
                   column_of("image", DType::kUInt8, {3, 4, 4}, pixels),
                   column_of("x", DType::kFloat32, {3, 2}, values)};
  page.add(batch);
  page.add(batch);
  EXPECT_EQ(page.samples(), 6u);
  const Json data = data_of(page.html({{"url", "a"}}));
  const auto& [label, image, x] =
      std::tie(data["columns"][0], data["columns"][1], data["columns"][2]);
  EXPECT_EQ(label["kinds"]["most"], Json::parse(R"([["dog", 4], ["cat", 2]])"));
  EXPECT_EQ(label["batches"]["classes"], Json::parse(R"(["cat", "dog"])"));
  EXPECT_EQ(label["batches"]["counts"], Json::parse("[[1, 2], [1, 2]]"));
  EXPECT_EQ(x["numbers"]["count"], 10u);
  EXPECT_EQ(x["numbers"]["not_finite"], 2u);
  EXPECT_EQ(x["numbers"]["mean"], 3.0);
  EXPECT_NEAR(x["numbers"]["deviation"].get<double>(), std::sqrt(2.0), 1e-12);
  std::uint64_t in_bins = 0;
  for (const auto& bin : x["numbers"]["bins"]) in_bins += bin.get<std::uint64_t>();
  EXPECT_EQ(in_bins, 10u);
  EXPECT_EQ(x["numbers"]["bins"], Json::parse("[2, 2, 2, 2, 2]")) << "a bin for each whole number";
  EXPECT_EQ(data["shown"].size(), 6u);
  EXPECT_EQ(data["shown"][0][0], "cat");
  EXPECT_EQ(data["shown"][1][2], "[3, 4]");
  EXPECT_EQ(data["shown"][0][1]["width"], 4);
  EXPECT_EQ(data["shown"][0][1]["pixels"], "AAUKDxQZHiMoLTI3PEFGSw==");  // 0, 5, ... 75
}

TEST(DataPage, ATensorOfColoursIsAPictureInEitherLayoutAndALargeOneASmaller) {
  Schema schema;
  schema.columns = {{"first", ColumnKind::kTensor, DType::kFloat64, {3, 4, 4}},
                    {"last", ColumnKind::kTensor, DType::kFloat64, {4, 4, 3}},
                    {"large", ColumnKind::kTensor, DType::kUInt8, {1, 200, 400}},
                    {"none", ColumnKind::kTensor, DType::kFloat64, {2, 4, 6}}};
  std::vector<double> first(48), last(48);
  for (std::size_t i = 0; i < 48; ++i)
    last[i % 16 * 3 + i / 16] = first[i] = static_cast<double>(i);
  std::vector<std::uint8_t> large(80'000, 7);
  Batch batch;
  batch.size = 1;
  batch.columns = {column_of("first", DType::kFloat64, {1, 3, 4, 4}, first),
                   column_of("last", DType::kFloat64, {1, 4, 4, 3}, last),
                   column_of("large", DType::kUInt8, {1, 1, 200, 400}, large),
                   column_of("none", DType::kFloat64, {1, 2, 4, 6}, first)};
  DataPage page(schema);
  page.add(batch);
  const Json shown = data_of(page.html({}))["shown"][0];
  EXPECT_EQ(shown[0], shown[1]);
  EXPECT_EQ(shown[0]["channels"], 3);
  EXPECT_EQ(shown[2]["width"], 80);
  EXPECT_EQ(shown[2]["height"], 40);
  EXPECT_EQ(shown[3], "[0, 1, 2, 3, 4, 5, …]");
}

TEST(DataPage, TextsAreCountedAndPicturesOfFilesAreShown) {
  Schema schema;
  schema.columns = {{"text", ColumnKind::kString, DType::kUInt8, {}},
                    {"file", ColumnKind::kBinary, DType::kUInt8, {}}};
  std::string texts = "aab</script>";
  std::string files = std::string("\xFF\xD8\xFF!", 4) + "raw";
  const std::array<std::int64_t, 4> text_offsets = {0, 1, 2, 12};
  const std::array<std::int64_t, 4> file_offsets = {0, 4, 7, 7};
  Batch batch;
  batch.size = 3;
  batch.columns.resize(2);
  batch.columns[0].kind = ColumnKind::kString;
  batch.columns[0].dtype = DType::kUInt8;
  batch.columns[0].data = texts.data();
  batch.columns[0].offsets = text_offsets.data();
  batch.columns[1].kind = ColumnKind::kBinary;
  batch.columns[1].dtype = DType::kUInt8;
  batch.columns[1].data = files.data();
  batch.columns[1].offsets = file_offsets.data();
  DataPage page(schema);
  page.add(batch);
  const std::string html = page.html({});
  const Json data = data_of(html);
  EXPECT_EQ(data["columns"][0]["kinds"]["most"][0], Json::parse(R"(["a", 2])"));
  EXPECT_EQ(data["columns"][0]["numbers"]["most"], 10.0) << "the length of the longest";
  EXPECT_EQ(data["shown"][0][1]["file"], "data:image/jpeg;base64,/9j/IQ==");
  EXPECT_EQ(data["shown"][1][1], "3 bytes");
  EXPECT_EQ(data["shown"][2][0], "b</script>");
}

TEST(DataPage, ManyKindsAreNoKinds) {
  Schema schema;
  schema.columns = {{"id", ColumnKind::kTensor, DType::kInt64, {}}};
  std::vector<std::int64_t> ids(1001);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
  Batch batch;
  batch.size = 1001;
  batch.columns = {column_of("id", DType::kInt64, {1001}, ids)};
  DataPage page(schema);
  page.add(batch);
  page.add(batch);
  const Json column = data_of(page.html({}))["columns"][0];
  EXPECT_FALSE(column.contains("kinds"));
  EXPECT_FALSE(column.contains("batches"));
  EXPECT_EQ(column["numbers"]["most"], 1000.0);
}

}  // namespace
}  // namespace ringfeed
