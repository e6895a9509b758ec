#include "source/json_lines.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using testing::OneFile;
using testing::read_all;
using testing::TempFolder;
using testing::with_tensors;
using testing::write_all;
using Texts = std::vector<std::string>;
using Longs = std::vector<std::int64_t>;

TEST(JsonLines, NumbersTextAndLists) {
  const OneFile file("a.jsonl",
                     "\xEF\xBB\xBF{\"n\": 1, \"x\": 1, \"b\": true, \"s\": \"a\", \"l\": []}\r\n"
                     "\n"
                     "{\"x\": 2.5, \"n\": -2, \"b\": false, \"s\": \"\\u00e9\", \"l\": [3, 4]}");
  const Content content({file.path});
  EXPECT_EQ(content.types(), "n: int64; x: float64; b: bool; s: string; l: list<int64>");
  EXPECT_EQ(content.values<std::int64_t>("n"), (Longs{1, -2}));
  EXPECT_EQ(content.values<double>("x"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(content.texts("s"), (Texts{"a", "\xC3\xA9"}));
  EXPECT_EQ(content.values<std::int64_t>("l"), (Longs{3, 4}));
}

TEST(JsonLines, EveryBadRecordIsNamed) {
  struct Case {
    std::string line;
    std::string what;
  };
  for (const auto& [line, what] : std::vector<Case>{
           {"{\"x\": 1, \"l\": [1]", "is not JSON"},
           {"[1]", "the line is no JSON object"},
           {"{\"x\": null, \"l\": [1]}", "column 'x': the value is null"},
           {"{\"l\": [1]}", "column 'x': the value is missing"},
           {"{\"x\": \"1\", \"l\": [1]}", "column 'x': text where whole numbers are due"},
           {"{\"x\": 1, \"l\": [1, null]}",
            "column 'l': lists of values that cannot be held where lists of whole numbers are due"},
           {"{\"x\": 1, \"l\": [\"a\"]}",
            "column 'l': lists of text where lists of whole numbers are due"},
           {"{\"x\": 1, \"l\": 1}",
            "column 'l': whole numbers where lists of whole numbers are due"},
           {"{\"x\": 9223372036854775808, \"l\": [1]}",
            "column 'x': 9223372036854775808 is a whole number beyond int64"},
           {"{\"x\": 36893488147419103233, \"l\": [1]}",
            "column 'x': 36893488147419103233 is a whole number beyond int64"},
           {"{\"x\": 1, \"l\": [-36893488147419103233]}",
            "column 'l': -36893488147419103233 is a whole number beyond int64"},
           {"{\"x\": 1, \"l\": [1], \"x\": 2}", "the member 'x' stands twice"},
           {"{\"x\": 1, \"l\": [1], \"m\": " + std::string(100, '[') + std::string(100, ']') + "}",
            "is not JSON"},
           {"7", "the line is no JSON object"},
           {"{\"x\": 1, \"l\": [1]} {}", "is not JSON"},
           {std::string("{\"x\": 1, \"l\": [1]}\0{}", 22), "is not JSON"},
       }) {
    SCOPED_TRACE(line);
    const OneFile file("a.jsonl", "{\"x\": 1, \"l\": [1]}\n" + line + "\n{\"x\": 2, \"l\": []}\n");
    expect_error(ErrorCode::kBadData, "a.jsonl:2: ", [&] { Content({file.path}); });
    expect_error(ErrorCode::kBadData, what, [&] { Content({file.path}); });
    SourceOptions options;
    options.on_bad = OnBad::kSkip;
    options.row_number = "row";
    options.rejects_path = file.path + ".rejects";
    Content content({file.path}, options);
    EXPECT_EQ(content.values<std::int64_t>("x"), (Longs{1, 2}));
    EXPECT_EQ(content.values<std::int64_t>("row"), (Longs{0, 2}));
    EXPECT_EQ(content.source().rejected(), 1U);
    EXPECT_NE(read_all(options.rejects_path).find(file.path + ":2: "), std::string::npos);
  }
}

TEST(JsonLines, WholeNumbersAreNotRounded) {
  const OneFile file("a.ndjson", "{\"x\": 0.5}\n{\"x\": 9007199254740993}\n");
  expect_error(ErrorCode::kBadData,
               "a.ndjson:2: column 'x': 9007199254740993 is a whole number that float64 does not "
               "hold exactly",
               [&] { Content({file.path}); });
}

TEST(JsonLines, WholeNumbersBeyond64BitsMakeNoColumnOfFloats) {
  const OneFile file("a.jsonl", "{\"id\": 36893488147419103233}\n{\"id\": 36893488147419103234}\n");
  expect_error(ErrorCode::kBadData,
               "a.jsonl:1: column 'id': 36893488147419103233 is a whole number beyond int64",
               [&] { Content({file.path}); });
  const OneFile floats("b.jsonl", "{\"x\": 1e300, \"o\": {\"x\": [2, {\"x\": 3}]}}\n");
  SourceOptions options;
  options.drop = {"o"};
  EXPECT_EQ(Content({floats.path}, options).values<double>("x"), std::vector<double>{1e300});
}

TEST(JsonLines, TensorsClassesAndTypes) {
  const OneFile file("a.jsonl",
                     "{\"pixels\": [1, 2], \"label\": \"dog\", \"x\": 1, \"e\": []}\n"
                     "{\"pixels\": [3, 4], \"label\": \"cat\", \"x\": 2, \"e\": []}\n");
  expect_error(ErrorCode::kBadData, "it has no value, so nothing tells its type; say it with",
               [&] { open_source({file.path}, {}); });
  auto options = with_tensors({"image=pixels:2:uint8"});
  options.classes = {{"label"}};
  options.types = {parse_type("x=float32"), parse_type("e=list<int32>")};
  const Content content({file.path}, options);
  EXPECT_EQ(content.types(), "image: uint8 [2]; label: int64; x: float32; e: list<int32>");
  EXPECT_EQ(content.values<std::uint8_t>("image"), (std::vector<std::uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(content.values<std::int64_t>("label"), (Longs{1, 0}));
}

TEST(JsonLines, WhatIsNestedIsRefusedByName) {
  const OneFile file("a.jsonl", "{\"boxes\": [[1, 2]], \"x\": 1}\n");
  expect_error(ErrorCode::kBadData, "column 'boxes': objects and lists of lists cannot be held",
               [&] { open_source({file.path}, {}); });
  SourceOptions options;
  options.drop = {"boxes"};
  EXPECT_EQ(Content({file.path}, options).types(), "x: int64");
}

TEST(JsonLines, ListsOfTextAreRefusedByName) {
  const OneFile file("a.jsonl", R"({"tags": [], "x": 1})"
                                "\n"
                                R"({"tags": ["a", "b"], "x": 2})"
                                "\n");
  expect_error(ErrorCode::kBadData,
               "a.jsonl: column 'tags': a list of text cannot be held; make it one text, as JSON "
               "does, or numbers, as a tokenizer does, or leave the column out with "
               "drop",
               [&] { open_source({file.path}, {}); });
  SourceOptions options;
  options.drop = {"tags"};
  EXPECT_EQ(Content({file.path}, options).types(), "x: int64");
}

TEST(JsonLines, FilesFollowEachOtherAndMayBeGzip) {
  const TempFolder folder;
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += "{\"x\": " + std::to_string(i) + "}\n";
  write_all(folder / "a.jsonl.gz", testing::gzip(many));
  write_all(folder / "b.jsonl", "{\"x\": -1}\n");
  const Content content({folder / "a.jsonl.gz", folder / "b.jsonl"});
  EXPECT_EQ(content.rows, 100'001);
  EXPECT_EQ(content.values<std::int64_t>("x").at(99'999), 99'999);
  EXPECT_EQ(content.values<std::int64_t>("x").back(), -1);
}

TEST(JsonLines, DepthAndLengthAreBounded) {
  const OneFile deep("a.jsonl", std::string(100'000, '[') + "\n{\"x\": 1}\n");
  expect_error(ErrorCode::kBadData, "a.jsonl:1: ", [&] { Content({deep.path}); });
  const OneFile lengthy("b.jsonl", std::string((std::size_t{17} << 20), ' '));
  expect_error(ErrorCode::kBadData, "b.jsonl:1: the line is longer than 16 MiB",
               [&] { open_source({lengthy.path}, {}); });
}

}  // namespace
}  // namespace ringfeed
