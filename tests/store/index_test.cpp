// The index: golden bytes, the manifest it becomes, and what is done with damaged ones.
#include "store/rows/index.hpp"

#include <gtest/gtest.h>

#include "base/hash.hpp"
#include "errors.hpp"

namespace ringfeed::rows {
namespace {

using testing::expect_error;

RowIndex sample_index() {
  RowIndex index;
  index.version = 3;
  index.cluster = "Test Cluster";
  index.keyspace = "k";
  index.table = "t";
  index.table_id = "00010203-0405-0607-0809-0a0b0c0d0e0f";
  index.partition_key = {{"a", "int", false}};
  index.clustering = {{"c", "text", true}};
  index.columns = {
      {{"image", ColumnKind::kTensor, DType::kFloat32, {2, 3}}, "pixels", "vector<float, 6>"},
      {{"\u00fc", ColumnKind::kList, DType::kInt32, {}}, "\u00fc", "list<int>"}};
  index.block_bytes = 4096;
  index.fingerprint = 0x0123456789abcdef;
  RowBlock range;
  range.after = INT64_MIN;
  range.upto = 41;
  range.rows = 7;
  range.bytes = 168;
  range.digest = 0xfedcba9876543210;
  RowBlock part;
  part.after = 41;
  part.upto = 42;
  part.partition = {std::string("\0\0\0\1", 4)};
  part.behind = {"x"};
  part.rows = 1;
  part.bytes = 24;
  part.digest = 1;
  index.splits = {{"train", {range, part}}, {"val", {}}};
  return index;
}

constexpr const char* kGolden =
    R"({"xxh3":"HASH","index":{"format":1,"version":3,"cluster":"Test Cluster","keyspace":"k",)"
    R"("table":"t","table_id":"00010203-0405-0607-0809-0a0b0c0d0e0f","partition_key":[{"name":"a",)"
    R"("type":"int","descending":false}],"clustering":[{"name":"c","type":"text","descending":true}],)"
    R"("columns":[{"name":"image","kind":"tensor","dtype":"float32","shape":[2,3],"column":"pixels",)"
    R"("type":"vector<float, 6>"},{"name":"\u00fc","kind":"list","dtype":"int32","shape":[],)"
    R"("column":"\u00fc","type":"list<int>"}],"split_column":null,"digest":"keys","block_bytes":4096,)"
    R"("fingerprint":"0123456789abcdef","splits":[{"name":"train","blocks":[)"
    R"([-9223372036854775808,41,7,168,"fedcba9876543210"],)"
    R"([41,42,1,24,"0000000000000001",["00000001"],["78"],[]]]},{"name":"val","blocks":[]}]}})";

/// A body as a whole index, with its right checksum.
std::string signed_text(std::string_view body) {
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx",
                static_cast<unsigned long long>(hash_bytes(body)));
  return std::string("{\"xxh3\":\"") + digits + "\",\"index\":" + std::string(body) + "}\n";
}

TEST(RowIndex, GoldenBytes) {
  const std::string text = sample_index().encode();
  std::string expected = std::string(kGolden) + "\n";
  expected.replace(expected.find("HASH"), 4, text.substr(9, 16));
  EXPECT_EQ(text, expected);
  EXPECT_EQ(text, signed_text(text.substr(35, text.size() - 37)));
  EXPECT_EQ(RowIndex::decode(text, "here"), sample_index());
}

TEST(RowIndex, NamesTheClassesOfAColumn) {
  auto index = sample_index();
  index.columns.push_back(
      {{"label", ColumnKind::kTensor, DType::kInt64, {}, {"cat", "dog"}}, "label", "bigint"});
  const std::string text = index.encode();
  EXPECT_NE(text.find(R"("column":"label","type":"bigint","classes":["cat","dog"]})"),
            std::string::npos)
      << text;
  EXPECT_EQ(RowIndex::decode(text, "here"), index);
  EXPECT_EQ(index.manifest().schema.columns[2].classes.at(1), "dog");
}

TEST(RowIndex, Manifest) {
  const Manifest manifest = sample_index().manifest();
  EXPECT_EQ(manifest.version, 3U);
  EXPECT_EQ(manifest.splits, (std::vector<std::string>{"train", "val"}));
  EXPECT_EQ(manifest.schema.columns[0].type_name(), "float32 [2, 3]");
  const auto infos = manifest.split_infos();
  EXPECT_EQ(infos[0].samples, 8U);
  EXPECT_EQ(infos[0].chunks, 2U);
  EXPECT_EQ(infos[0].bytes, 192U);
  EXPECT_EQ(infos[1].samples, 0U);
}

TEST(RowIndex, EveryChangedByteIsNoticed) {
  const std::string text = sample_index().encode();
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (const char flip : {1, 32, 64}) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      expect_error(ErrorCode::kBadData, {"here: the index is damaged", "attach the table again"},
                   [&] { RowIndex::decode(damaged, "here"); });
    }
  }
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_THROW(RowIndex::decode(text.substr(0, size), "here"), Error);
  EXPECT_THROW(RowIndex::decode(text + "\n", "here"), Error);
}

/// Under a right checksum: what does not mean an index, or is not written as one is.
TEST(RowIndex, OtherTextsAreRefused) {
  const std::string text = sample_index().encode();
  const std::string body = text.substr(35, text.size() - 37);
  ASSERT_NO_THROW(RowIndex::decode(signed_text(body), "here"));
  const std::pair<const char*, const char*> changes[] = {
      {"\"format\":1", "\"format\":2"},
      {"\"version\":3", "\"version\":0"},
      {"\"version\":3", "\"version\":3.0"},
      {"\"version\":3,", "\"version\":3, "},
      {"\"version\":3,", ""},
      {"float32", "float99"},
      {"tensor", "tensors"},
      {"[2,3]", "[2,4]"},
      {"[2,3]", "[0,6]"},
      {"[2,3]", "[99999999,99999999]"},
      {"\"keys\"", "\"nothing\""},
      {"vector<float, 6>", "decimal"},
      {"\"train\"", "\"val\""},
      {"\"train\"", "\"../x\""},
      {",41,7,168", ",41,0,168"},
      {",41,7,168", ",41,7,99999999999"},
      {",41,7,168", ",41,4294967296,168"},
      {"[41,42,", "[42,42,"},
      {"[\"00000001\"]", "[]"},
      {"[\"00000001\"]", "[\"0000000\"]"},
      {"[\"78\"]", "[\"78\",\"79\"]"},
      {"[\"78\"]", "[\"7g\"]"},
      {"\"fedcba9876543210\"", "\"fedcba987654321\""},
      {"\"fedcba9876543210\"", "7"},
      {"{\"format\"", "[\"format\""},
  };
  for (const auto& [from, to] : changes) {
    std::string changed = body;
    const auto at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, std::string(from).size(), to);
    SCOPED_TRACE(to);
    expect_error(ErrorCode::kBadData, {"here: the index is damaged"},
                 [&] { RowIndex::decode(signed_text(changed), "here"); });
  }
}

TEST(RowIndex, DigestHasLengthsAndNulls) {
  std::string text;
  append_to_digest(text, "ab");
  append_to_digest(text, std::string_view());
  append_to_digest(text, std::string_view("", 0));
  EXPECT_EQ(text, std::string("\2\0\0\0ab\xff\xff\xff\xff\0\0\0\0", 14));
}

}  // namespace
}  // namespace ringfeed::rows
