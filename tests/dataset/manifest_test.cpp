#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <ringfeed/error.hpp>
#include <ringfeed/manifest.hpp>

#include "../../fuzz/manifest_fuzz.hpp"
#include "errors.hpp"
#include "process.hpp"

namespace ringfeed {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.version = 2;
  manifest.schema.columns = {{"image", ColumnKind::kTensor, DType::kFloat32, {8, 8}},
                             {"label", ColumnKind::kTensor, DType::kInt64, {}},
                             {"text \"ü\"", ColumnKind::kString, DType::kUInt8, {}},
                             {"tags", ColumnKind::kList, DType::kInt16, {}},
                             {"raw", ColumnKind::kBinary, DType::kUInt8, {}}};
  manifest.splits = {"train", "val"};
  manifest.origin = {0x00ff00ff00ff00ff, 18446744073709551615u, 524288, "whole"};
  manifest.parts = {
      {"data/v1-00ff00ff00ff00ff/train-00000.arrow",
       "train",
       {512, 1},
       {700, 2},
       {10, 9},
       {4096, 4000},
       {3, 0xfedcba9876543210},
       {{1, -5, 9}}},
      {"data/v1-00ff00ff00ff00ff/val-00000.arrow", "val", {512, 4}, {600, 5}, {7}, {3008}, {6}}};
  manifest.groups = {{0, 1, 2, 3, 4}};
  manifest.rows = {{10, 9}, {7}};
  manifest.lineage = 0x00ee00ee00ee00ee;
  return manifest;
}

constexpr std::string_view kBody =
    R"({"format":2,"version":2,"lineage":"00ee00ee00ee00ee","columns":[)"
    R"({"name":"image","kind":"tensor","dtype":"float32","shape":[8,8]},)"
    R"({"name":"label","kind":"tensor","dtype":"int64","shape":[]},)"
    R"({"name":"text \"\u00fc\"","kind":"string","dtype":"uint8","shape":[]},)"
    R"({"name":"tags","kind":"list","dtype":"int16","shape":[]},)"
    R"({"name":"raw","kind":"binary","dtype":"uint8","shape":[]}],)"
    R"("groups":[[0,1,2,3,4]],"splits":["train","val"],"rows":[[10,9],[7]],)"
    R"("origin":{"fingerprint":"00ff00ff00ff00ff","seed":18446744073709551615,)"
    R"("chunk_bytes":524288,"permutation":"whole"},)"
    R"("parts":[{"name":"data/v1-00ff00ff00ff00ff/train-00000.arrow","split":"train",)"
    R"("group":0,"head":{"bytes":512,"xxh3":"0000000000000001"},)"
    R"("tail":{"bytes":700,"xxh3":"0000000000000002"},)"
    R"("chunk_samples":[10,9],"chunk_bytes":[4096,4000],)"
    R"("chunk_xxh3":"0000000000000003fedcba9876543210","ranges":[[1,-5,9]]},)"
    R"({"name":"data/v1-00ff00ff00ff00ff/val-00000.arrow","split":"val",)"
    R"("group":0,"head":{"bytes":512,"xxh3":"0000000000000004"},)"
    R"("tail":{"bytes":600,"xxh3":"0000000000000005"},)"
    R"("chunk_samples":[7],"chunk_bytes":[3008],"chunk_xxh3":"0000000000000006"}]})";

/// What a text with this body under a right checksum is refused for; empty: it is not.
std::string refusal(std::string_view body) {
  try {
    Manifest::decode(fuzz::sealed(body), "m.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_EQ(std::string(error.what()).find("m.json: the manifest is damaged: "), 0u)
        << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
  return "";
}

std::string with(std::string_view from, std::string_view to) {
  std::string body(kBody);
  const auto at = body.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return body.replace(at, from.size(), to);
}

TEST(Manifest, GoldenText) {
  EXPECT_EQ(example().encode(),
            "{\"xxh3\":\"13dbe4d90629323d\",\"manifest\":" + std::string(kBody) + "}\n");
}

TEST(Manifest, GoesThereAndBack) {
  EXPECT_EQ(Manifest::decode(example().encode(), "m"), example());
  auto empty = example();
  empty.parts.clear();
  empty.rows = {{}, {}};
  EXPECT_EQ(Manifest::decode(empty.encode(), "m"), empty);
}

TEST(Manifest, SaysWhereNanIsAllowed) {
  auto manifest = example();
  EXPECT_EQ(manifest.encode().find("allow_nan"), std::string::npos);
  manifest.origin.allow_nan = true;
  EXPECT_EQ(Manifest::decode(manifest.encode(), "m.json"), manifest);
  EXPECT_EQ(refusal(with("\"whole\"}", "\"whole\",\"allow_nan\":true}")), "");
  EXPECT_NE(refusal(with("\"whole\"}", "\"whole\",\"allow_nan\":false}")), "");
  EXPECT_NE(refusal(with("\"whole\"}", "\"whole\",\"allow_nan\":1}")), "");
}

TEST(Manifest, NamesTheClassesOfAColumn) {
  auto manifest = example();
  const auto column = std::ranges::find_if(manifest.schema.columns, [](const ColumnSpec& each) {
    return each.dtype == DType::kInt64 && each.shape.empty() && each.kind == ColumnKind::kTensor;
  });
  ASSERT_NE(column, manifest.schema.columns.end());
  column->classes = {"cat", "dog \"[{", "\xC3\xA9"};
  for (const auto& [least, most] : {std::pair(-1, 2), std::pair(0, 3)}) {
    manifest.parts[0].ranges = {{1, least, most}};
    testing::expect_error(ErrorCode::kBadData, {"column label has numbers beyond"},
                          [&] { Manifest::decode(manifest.encode(), "m"); });
  }
  manifest.parts[0].ranges = {{1, 0, 2}};
  const auto text = manifest.encode();
  EXPECT_NE(text.find(R"("shape":[],"classes":["cat","dog \"[{","\u00e9"]})"), std::string::npos);
  EXPECT_EQ(Manifest::decode(text, "m.json"), manifest);
  for (const auto& names : std::vector<std::vector<std::string>>{
           {""}, {"a", "a"}, {std::string(1025, 'n')}, std::vector<std::string>(65'537, "n")}) {
    column->classes = names;
    EXPECT_THROW(manifest.text_to_publish(), Error);
    EXPECT_THROW(manifest.schema.check(), Error);
  }
}

TEST(Manifest, KnowsARangeWhenEachPartDoes) {
  auto manifest = example();
  EXPECT_EQ(manifest.range(1), std::nullopt);  // the second part has none
  manifest.parts[1].ranges = {{1, 3, INT64_MAX}};
  EXPECT_EQ(Manifest::decode(manifest.encode(), "m"), manifest);
  EXPECT_EQ(manifest.range(1), (ColumnRange{1, -5, INT64_MAX}));
  EXPECT_EQ(manifest.range(0), std::nullopt);
  manifest.parts.clear();
  EXPECT_EQ(manifest.range(1), std::nullopt);
}

TEST(Manifest, RefusesRangesThatAreNone) {
  const std::string_view right = "[[1,-5,9]]";
  EXPECT_EQ(refusal(with(right, right)), "");
  for (const auto* wrong :
       {"[]", "[[1,9,-5]]", "[[0,0,9]]", "[[5,0,9]]", "[[1,0,9],[1,0,9]]", "[[1,0]]", "[[1,0,9,9]]",
        "[[1,0,9.5]]", "[[-1,0,9]]", "[[1,0,9223372036854775808]]", "[[1,-0,9]]", "{}", "7",
        "[[1,null,9]]", "[7]"}) {
    EXPECT_NE(refusal(with(right, wrong)), "") << wrong;
  }
}

TEST(Manifest, CountsItsSplits) {
  const auto infos = example().split_infos();
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[0].name, "train");
  EXPECT_EQ(infos[0].samples, 19u);
  EXPECT_EQ(infos[0].chunks, 2u);
  EXPECT_EQ(infos[0].bytes, 8096u);
  EXPECT_EQ(infos[1].samples, 7u);
  EXPECT_EQ(example().parts[0].bytes(), 512u + 8096u + 700u);
}

TEST(Manifest, RefusesEachShorterAndLongerText) {
  const auto text = example().encode();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_THROW(Manifest::decode(std::string_view(text).substr(0, size), "m"), Error) << size;
    EXPECT_THROW(Manifest::decode(std::string_view(text).substr(size + 1), "m"), Error) << size;
  }
  for (const auto* more : {" ", "\n", "x", "}\n"})
    EXPECT_THROW(Manifest::decode(text + more, "m"), Error);
}

TEST(Manifest, RefusesEachFlippedBit) {
  const auto text = example().encode();
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    auto flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THROW(Manifest::decode(flipped, "m"), Error) << bit;
  }
}

/// The checksum is right in all of these: it guards against accidents, the bounds against a hostile
/// hand.
TEST(Manifest, RefusesFieldsOutOfBounds) {
  EXPECT_EQ(refusal(kBody), "");
  EXPECT_NE(refusal(with("\"format\":2", "\"format\":3")).find("newer ringfeed"),
            std::string::npos);
  const std::pair<std::string_view, std::string_view> kChanges[] = {
      {"\"format\":2", "\"format\":2.0"},
      {"\"version\":2", "\"version\":0"},
      {"\"version\":2", "\"version\":-2"},
      {"\"version\":2", "\"version\":2.5"},
      {"\"version\":2", "\"version\":18446744073709551616"},
      {"\"version\":2,", ""},
      {"\"version\":2", "\"version\": 2"},
      {"\"version\":2", "\"version\":2,\"more\":1"},
      {"\"version\":2", "\"version\":2,\"version\":2"},
      {"\"name\":\"label\"", "\"name\":\"image\""},
      {"\"name\":\"label\"", "\"name\":\"\""},
      {"\"name\":\"label\"", "\"name\":7"},
      {"\\u00fc", "\xff"},
      {"\\u00fc", "\xc3\xbc"},
      {"tensor", "tensors"},
      {"float32", "float31"},
      {"[8,8]", "[8,0]"},
      {"[8,8]", "[8,-8]"},
      {"[8,8]", "[4294967296,4294967296]"},
      {"[8,8]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"},
      {"[8,8]", "[2097152,2]"},
      {"[8,8]", "8"},
      {"\"string\",\"dtype\":\"uint8\"", "\"string\",\"dtype\":\"int8\""},
      {"\"string\",\"dtype\":\"uint8\",\"shape\":[]",
       "\"string\",\"dtype\":\"uint8\",\"shape\":[1]"},
      {"[\"train\",\"val\"]", "[]"},
      {"[\"train\",\"val\"]", "[\"train\",\"train\"]"},
      {"[\"train\",\"val\"]", "[\"train\",\"../val\"]"},
      {"[\"train\",\"val\"]", "[\"train\"]"},
      {"\"split\":\"val\"", "\"split\":\"test\""},
      {"00ff00ff00ff00ff\",\"seed", "00FF00ff00ff00ff\",\"seed"},
      {"00ff00ff00ff00ff\",\"seed", "0ff00ff00ff00ff\",\"seed"},
      {"18446744073709551615", "18446744073709551616"},
      {"\"whole\"", "\"\""},
      {"data/v1-00ff00ff00ff00ff/val-00000.arrow", "data/v1-00ff00ff00ff00ff/train-00000.arrow"},
      {"{\"bytes\":512", "{\"bytes\":513"},
      {"{\"bytes\":700", "{\"bytes\":1073741825"},
      {"{\"bytes\":512,\"xxh3\":\"0000000000000001\"}", "[]"},
      {"\"chunk_samples\":[10,9]", "\"chunk_samples\":[10,0]"},
      {"\"chunk_samples\":[10,9]", "\"chunk_samples\":[10,4294967296]"},
      {"\"chunk_samples\":[10,9]", "\"chunk_samples\":[10]"},
      {"\"chunk_samples\":[10,9]", "\"chunk_samples\":[10,9,8]"},
      {"\"chunk_samples\":[10,9]", "\"chunk_samples\":[10,[9]]"},
      {"\"chunk_samples\":[10,9]", "\"chunk_samples\":[]"},
      {"[[10,9],[7]]", "[[10,9]]"},
      {"[[10,9],[7]]", "[[10,9],[7],[]]"},
      {"[[10,9],[7]]", "[[10,9],[8]]"},
      {"[[10,9],[7]]", "[[9,10],[7]]"},
      {"[[10,9],[7]]", "[[10,9,1],[7]]"},
      {"[[10,9],[7]]", "[[10],[7]]"},
      {"[[10,9],[7]]", "[[10,9],[]]"},
      {"[[10,9],[7]]", "[[10,9],[7,0]]"},
      {"[[0,1,2,3,4]]", "[[0,1,2,3]]"},
      {"[[0,1,2,3,4]]", "[[0,1,2,3,5]]"},
      {"[[0,1,2,3,4]]", "[[1,0,2,3,4]]"},
      {"[[0,1,2,3,4]]", "[[0,1],[1,2,3,4]]"},
      {"[[0,1,2,3,4]]", "[[0,1,2,3,4],[]]"},
      {"[[0,1,2,3,4]]", "[[0],[1,2,3,4]]"},
      {"\"split\":\"val\",\"group\":0", "\"split\":\"val\",\"group\":1"},
      {"00ee00ee00ee00ee", "00EE00ee00ee00ee"},
      {"[4096,4000]", "[4096,4001]"},
      {"[4096,4000]", "[4096,0]"},
      {"[4096,4000]", "[4096,15728648]"},
      {"[4096,4000]", "[4096]"},
      {"0000000000000003fedcba9876543210", "0000000000000003fedcba987654321"},
      {"0000000000000003fedcba9876543210", "0000000000000003fedcba987654321g"},
      {"0000000000000003fedcba9876543210", "0000000000000003"},
      {"\"parts\":[{", "\"parts\":[null,{"},
      {"]}", "]"},
  };
  for (const auto& [from, to] : kChanges)
    EXPECT_NE(refusal(with(from, to)), "") << from << " -> " << to;
  for (const auto* body : {"", "null", "[]", "{}", "1", "\"x\"", "{\"format\":2}"})
    EXPECT_NE(refusal(body), "") << body;
  EXPECT_NE(refusal(std::string(100'000, '[')), "");
}

TEST(Manifest, WhatCannotBeReadIsNotPublished) {
  EXPECT_EQ(example().text_to_publish(), example().encode());
  auto nameless = example();
  nameless.schema.columns[0].name = "";
  auto splitless = example();
  splitless.splits = {"val"};
  splitless.rows = {{7}};
  auto empty = example();
  empty.parts[0].chunk_samples[0] = 0;
  for (const auto& manifest : {nameless, splitless, empty}) {
    EXPECT_THROW(Manifest::decode(manifest.encode(), "m"), Error);
    EXPECT_THROW(manifest.text_to_publish(), Error);
  }
}

TEST(Manifest, AChunkHasNoMoreSamplesThanItsBytesCanHold) {
  auto manifest = example();
  manifest.rows[0][1] = manifest.parts[0].chunk_samples[1] =
      14;  // 276 bytes each, without what varies
  EXPECT_EQ(Manifest::decode(manifest.encode(), "m"), manifest);
  for (const std::uint32_t samples : {15u, 4'294'967'295u}) {
    manifest.rows[0][1] = manifest.parts[0].chunk_samples[1] = samples;
    testing::expect_error(
        ErrorCode::kBadData,
        {"train-00000.arrow, chunk 1", fmt::format("{} samples cannot be in 4000 bytes", samples)},
        [&] { Manifest::decode(manifest.encode(), "m"); });
  }
}

TEST(Manifest, OneOfFormat1IsRefusedWithTheRemedy) {
  testing::expect_error(
      ErrorCode::kBadData, {"m.json", "format 1", "ringfeed delete", "ingest"},
      [] { Manifest::decode(fuzz::sealed(with("\"format\":2", "\"format\":1")), "m.json"); });
}

/// Column 0 apart; the chunks of the others hold both row groups of train.
Manifest example_apart() {
  auto manifest = example();
  manifest.groups = {{0}, {1, 2, 3, 4}};
  manifest.parts[0].ranges.clear();
  Part narrow = manifest.parts[0];
  narrow.name = "data/v1-00ff00ff00ff00ff/train-1-00000.arrow";
  narrow.group = 1;
  narrow.chunk_samples = {19};
  narrow.chunk_bytes = {2048};
  narrow.chunk_hash = {7};
  narrow.ranges = {{1, -5, 9}};
  Part val = manifest.parts[1];
  val.name = "data/v1-00ff00ff00ff00ff/val-1-00000.arrow";
  val.group = 1;
  val.ranges = {{1, -7, 3}};
  manifest.parts.push_back(narrow);
  manifest.parts.push_back(val);
  return manifest;
}

TEST(Manifest, ColumnGroupsHaveChunksOfWholeRowGroups) {
  auto manifest = example_apart();
  EXPECT_EQ(Manifest::decode(manifest.encode(), "m"), manifest);
  EXPECT_EQ(manifest.range(1), (ColumnRange{1, -7, 9}));
  EXPECT_EQ(manifest.range(0), std::nullopt);
  const auto train = manifest.split_infos()[0];
  EXPECT_EQ(train.samples, 19u);
  EXPECT_EQ(train.chunks, 3u);
  EXPECT_EQ(train.bytes, 4096u + 4000 + 2048);
  EXPECT_EQ(manifest.group_schema(1).columns.size(), 4u);
  for (const auto& samples : {std::vector<std::uint32_t>{18}, {20}, {9, 10}, {19, 1}}) {
    auto& part = manifest.parts[2];
    part.chunk_samples = samples;
    part.chunk_bytes.assign(samples.size(), 2048);
    part.chunk_hash.assign(samples.size(), 7);
    EXPECT_THROW(Manifest::decode(manifest.encode(), "m"), Error) << samples[0];
  }
  auto other = example_apart();
  other.parts.pop_back();
  EXPECT_THROW(Manifest::decode(other.encode(), "m"), Error) << "val has no chunks of group 1";
  other = example_apart();
  other.parts[0].ranges = {{1, 0, 1}};
  EXPECT_THROW(Manifest::decode(other.encode(), "m"), Error) << "a range of another group's column";
}

TEST(Manifest, TheLineageIsThatOfRowsAndChunksWhateverTheParts) {
  const auto manifest = example_apart();
  auto renamed = manifest;
  renamed.version = 9;
  renamed.schema.columns[0].name = "picture";
  renamed.parts[0].name = "elsewhere";
  std::swap(renamed.parts[0], renamed.parts[2]);
  EXPECT_EQ(renamed.new_lineage(), manifest.new_lineage());
  auto other = manifest;
  other.parts[2].chunk_hash[0] ^= 1;
  EXPECT_NE(other.new_lineage(), manifest.new_lineage());
  other = manifest;
  other.rows[0] = {9, 10};
  EXPECT_NE(other.new_lineage(), manifest.new_lineage());
}

TEST(ColumnGroups, WideColumnsAreApartUnlessToldOtherwise) {
  Schema schema;
  schema.columns = {{"a", ColumnKind::kTensor, DType::kFloat32, {1024}},
                    {"wide", ColumnKind::kTensor, DType::kFloat32, {1025}},
                    {"text", ColumnKind::kString, DType::kUInt8, {}},
                    {"jpeg", ColumnKind::kBinary, DType::kUInt8, {}},
                    {"b", ColumnKind::kList, DType::kInt16, {}}};
  using Groups = std::vector<ColumnPlaces>;
  EXPECT_EQ(default_groups(schema), (Groups{{0, 2, 4}, {1}, {3}}));
  EXPECT_EQ(default_groups(schema.only({1})), (Groups{{0}}));
  EXPECT_EQ(named_groups(schema, {}), (Groups{{0, 1, 2, 3, 4}}));
  EXPECT_EQ(named_groups(schema, {{"b", "wide"}, {"jpeg"}}), (Groups{{0, 2}, {1, 4}, {3}}));
  testing::expect_error(ErrorCode::kInvalidArgument, {"jpg", "jpeg"},
                        [&] { named_groups(schema, {{"jpg"}}); });
  testing::expect_error(ErrorCode::kInvalidArgument, {"column a stands twice"},
                        [&] { named_groups(schema, {{"a"}, {"b", "a"}}); });
  testing::expect_error(ErrorCode::kInvalidArgument, {"has no column"},
                        [&] { named_groups(schema, {{}}); });
}

TEST(Manifest, NamesThatAreNoTextCannotBeWritten) {
  auto manifest = example();
  manifest.schema.columns[0].name = "\xff";
  EXPECT_THROW(manifest.encode(), Error);
}

TEST(Manifest, OneMillionChunks) {
  auto manifest = example();
  manifest.parts.clear();
  manifest.rows = {{}, {}};
  std::mt19937_64 random(1);
  for (int p = 0; p < 8000; ++p) {
    Part part{fmt::format("data/v1-00ff00ff00ff00ff/train-{:05}.arrow", p),
              "train",
              {512, random()},
              {600, random()},
              {},
              {},
              {}};
    for (int c = 0; c < 125; ++c) {
      part.chunk_samples.push_back(static_cast<std::uint32_t>(1 + random() % 1000));
      part.chunk_bytes.push_back(524288);
      part.chunk_hash.push_back(random());
      manifest.rows[0].push_back(part.chunk_samples.back());
    }
    manifest.parts.push_back(std::move(part));
  }
  const auto text = manifest.encode();
  const auto begin = std::chrono::steady_clock::now();
  const auto decoded = Manifest::decode(text, "m");
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(decoded, manifest);
  std::printf("%zu bytes, decoded in %.2f s\n", text.size(), seconds.count());
}

TEST(SplitName, LettersDigitsAndFewMarks) {
  for (const auto* name : {"train", "a", "Val-2", "x_1.b", "-"})
    EXPECT_TRUE(is_split_name(name)) << name;
  for (const auto* name : {"", ".", "..", ".a", "a/b", "a b", "ü", "a\n", "a?"})
    EXPECT_FALSE(is_split_name(name)) << name;
  EXPECT_TRUE(is_split_name(std::string(64, 'a')));
  EXPECT_FALSE(is_split_name(std::string(65, 'a')));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which take terabytes
/// The error of a manifest, "" where there is none, has these words, and decoding takes at most
/// five times the memory of its text.
void expect_in_little_memory(const std::string& body, std::string_view words) {
  const std::string text = fuzz::sealed(body);
  const auto child = testing::run_forked([&] {
    testing::limit_address_space(5 * text.size());
    try {
      Manifest::decode(text, "m.json");
      return words.empty() ? 0 : 1;
    } catch (const Error& error) {
      const bool right = std::string_view(error.what()).find(words) != std::string_view::npos;
      return !words.empty() && right && error.code() == ErrorCode::kBadData ? 0 : 2;
    }
  });
  EXPECT_EQ(child.exit_code, 0) << child.output;
}

TEST(Manifest, AMillionColumnsAreRefusedWithoutTheMemoryForThem) {
  std::string columns;
  for (int i = 0; i < 1'000'000; ++i)
    columns +=
        fmt::format("{}{{\"name\":\"c{}\",\"kind\":\"string\",\"dtype\":\"uint8\",\"shape\":[]}}",
                    i == 0 ? "" : ",", i);
  std::string body(kBody);
  const auto begin = body.find('[') + 1;
  body.replace(begin, body.find("],\"splits\"") - begin, columns);
  expect_in_little_memory(body, "more than 65536 columns");
}

TEST(Manifest, OfManyPartsNothingIsInMemoryButTheyThemselves) {
  std::string parts;
  for (int i = 0; i < 100'000; ++i) {
    parts += fmt::format(
        "{}{{\"name\":\"data/v1-00ff00ff00ff00ff/"
        "train-{:05}.arrow\",\"split\":\"train\",\"group\":0,"
        "\"head\":{{\"bytes\":512,\"xxh3\":\"{:016x}\"}},\"tail\":{{\"bytes\":700,\"xxh3\":\"{:"
        "016x}\"}},"
        "\"chunk_samples\":[1],\"chunk_bytes\":[512],\"chunk_xxh3\":\"{:016x}\"}}",
        i == 0 ? "" : ",", i, i, i, i);
  }
  std::string body(kBody);
  std::string rows(2 * 100'000, ',');
  for (std::size_t i = 0; i < rows.size(); i += 2) rows[i] = '1';
  rows.back() = ']';
  body.replace(body.find("[[10,9],[7]]"), 12, "[[" + rows + ",[]]");
  const auto begin = body.find("\"parts\":[") + 9;
  body.replace(begin, body.size() - 2 - begin, parts);
  expect_in_little_memory(body, "");
}
#endif

}  // namespace
}  // namespace ringfeed
