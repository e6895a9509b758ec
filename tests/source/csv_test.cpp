#include "source/csv.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "base/random.hpp"
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

TEST(Csv, TypesAreThoseOfAllFields) {
  const OneFile file("a.csv", "i,f,s,n,e\n1,1,1,1,\n-2,2.5,x,1e20,\n3,3,3,3,\n");
  const Content content({file.path});
  EXPECT_EQ(content.types(), "i: int64; f: float64; s: string; n: float64; e: string");
  EXPECT_EQ(content.values<std::int64_t>("i"), (Longs{1, -2, 3}));
  EXPECT_EQ(content.values<double>("f"), (std::vector<double>{1, 2.5, 3}));
  EXPECT_EQ(content.texts("s"), (Texts{"1", "x", "3"}));
  EXPECT_EQ(content.texts("e"), (Texts{"", "", ""}));
}

// The type of a column is decided by its last record, in the last file, as well as by its first.
TEST(Csv, TypesAreThoseOfAllFiles) {
  const TempFolder folder;
  std::string many = "x\n";
  for (int i = 0; i < 300000; ++i) many += "7\n";
  write_all(folder / "a.csv", many);
  write_all(folder / "b.csv", "x\n1\nword\n");
  const Content content({folder / "a.csv", folder / "b.csv"});
  EXPECT_EQ(content.types(), "x: string");
  EXPECT_EQ(content.rows, 300002);
}

TEST(Csv, DigitsOfTheRepository) {
  const Content content({RINGFEED_SOURCE_DIR "/data/digits/digits.csv"},
                        with_tensors({"image=f0..f63:8x8:float32", "label=f64::int64"}));
  EXPECT_EQ(content.types(), "image: float32 [8, 8]; label: int64");
  EXPECT_EQ(content.rows, 1797);
  std::vector<int> counts(10);
  for (const auto label : content.values<std::int64_t>("label"))
    ++counts.at(static_cast<std::size_t>(label));
  EXPECT_EQ(counts, (std::vector<int>{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}));
  double sum = 0;
  for (const auto pixel : content.values<float>("image")) sum += pixel;
  EXPECT_EQ(sum, 561718);  // as numpy sums the file
}

TEST(Csv, TensorsPackColumnsInTheOrderNamed) {
  const OneFile file("a.csv", "a,b,c,d\n1,2,3,4\n5,6,7,8\n");
  const Content content({file.path},
                        with_tensors({"t=d,a..c:2x2:float32", "y=b:scalar:uint8", "z=b:1:int8"}));
  EXPECT_EQ(content.types(), "t: float32 [2, 2]; y: uint8; z: int8 [1]");
  EXPECT_EQ(content.values<float>("t"), (std::vector<float>{4, 1, 2, 3, 8, 5, 6, 7}));
  EXPECT_EQ(content.values<std::uint8_t>("y"), (std::vector<std::uint8_t>{2, 6}));
}

TEST(Csv, Bools) {
  std::string text = "b\n";
  for (int i = 0; i < 19; ++i) text += i % 3 == 0 ? "true\n" : "0\n";
  const OneFile file("a.csv", text);
  const Content content({file.path}, with_tensors({"b=b::bool"}));
  const auto values = content.values<std::uint8_t>("b");
  for (std::size_t i = 0; i < 19; ++i) EXPECT_EQ(values.at(i), i % 3 == 0 ? 1 : 0);
}

TEST(Csv, EveryBadRecordIsNamed) {
  struct Case {
    std::string record;
    std::string what;
  };
  for (const auto& [record, what] : std::vector<Case>{
           {"1,2", "2 fields where 3 are due"},
           {"1,2,3,4", "4 fields where 3 are due"},
           {"1,2,3,", "4 fields where 3 are due"},
           {"7", "1 field where 3 are due"},
           {"\"1\"1,2,3", "there is text between a closing quote and the next delimiter"},
           {"x y,2,3", "column 'a': 'x y' is not a number"},
           {"1,,3", "column 'b': the field is empty, a number (float32) is due"},
           {"1,NaN,3", "column 'b': 'NaN' is not a finite number (allow_nan admits it)"},
           {"1,-inf,3", "column 'b': '-inf' is not a finite number (allow_nan admits it)"},
           {"1,1e39,3", "column 'b': '1e39' is out of the range of float32"},
           {"1,2,300", "column 'c': '300' is out of the range of uint8"},
           {"1,2,-1", "column 'c': '-1' is out of the range of uint8"},
           {"1,2,1.5", "column 'c': '1.5' is not a whole number, as uint8 needs"},
           {"\"" + std::string(50, 'x') + "\",2,3",
            "column 'a': '" + std::string(40, 'x') + "...' is not a number"},
       }) {
    SCOPED_TRACE(record);
    const OneFile file("a.csv", "\"a\",b,c\n1,2,3\n\n\"1\",2,\"3\"\n" + record + "\n4,5,6\n");
    auto options = with_tensors({"a=a,b:2:float32", "c=c::uint8"});
    expect_error(ErrorCode::kBadData,
                 file.path + ":5: " + what +
                     "; correct it, or leave bad records out with SourceOptions::on_bad = skip",
                 [&] { Content({file.path}, options); });
    options.on_bad = OnBad::kSkip;
    options.rejects_path = file.folder / "rejects.txt";
    Content content({file.path}, options);
    EXPECT_EQ(content.values<std::uint8_t>("c"), (std::vector<std::uint8_t>{3, 3, 6}));
    EXPECT_EQ(content.source().rejected(), 1U);
    EXPECT_EQ(read_all(options.rejects_path), file.path + ":5: " + what + "\n");
  }
}

TEST(Csv, LinesAreRightAfterQuotedLineEnds) {
  const OneFile file("a.csv", "a,b\r\n\"x\r\ny\n\",1\r\n\r\nz,oops\r\n");
  expect_error(ErrorCode::kBadData, "a.csv:6: column 'b': 'oops' is not a number",
               [&] { Content({file.path}, with_tensors({"b=b::int32"})); });
}

TEST(Csv, NanIsABadRecordWithoutTensorsToo) {
  const OneFile file("a.csv", "x,y\n1,2\nnan,3\n4,5\n");
  expect_error(ErrorCode::kBadData,
               "a.csv:3: column 'x': 'nan' is not a finite number (allow_nan admits it)",
               [&] { Content({file.path}); });
  SourceOptions options;
  options.on_bad = OnBad::kSkip;
  Content content({file.path}, options);
  EXPECT_EQ(content.types(), "x: float64; y: int64");
  EXPECT_EQ(content.values<std::int64_t>("y"), (Longs{2, 5}));
}

TEST(Csv, WholeNumbersAreNeverRounded) {
  for (const auto& [other, number, what] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"1", "18446744073709551615", "is out of the range of int64"},
           {"1", "9223372036854775808", "is out of the range of int64"},
           {"0.5", "9007199254740993", "is a whole number that float64 does not hold exactly"},
           {"0.5", "18446744073709551615", "is a whole number that float64 does not hold exactly"},
       }) {
    SCOPED_TRACE(number);
    const OneFile file("a.csv", "id\n" + other + "\n" + number + "\n");
    expect_error(ErrorCode::kBadData,
                 "a.csv:3: column 'id': '" + number + "' " + what + "; correct it",
                 [&] { Content({file.path}); });
    SourceOptions options;
    options.on_bad = OnBad::kSkip;
    EXPECT_EQ(Content({file.path}, options).source().rejected(), 1U);
    const Content asked({file.path}, with_tensors({"id=id::float64"}));
    EXPECT_EQ(asked.values<double>("id")[1], std::stod(number));
  }
}

TEST(Csv, TextMustBeUtf8) {
  const OneFile file("a.csv", "x\nok\n\xE4\n");
  expect_error(ErrorCode::kBadData, "a.csv:3: column 'x': the text is not UTF-8",
               [&] { Content({file.path}); });
}

TEST(Csv, RaggedRowsHaveNoSayInTheTypes) {
  const OneFile file("a.csv", "x,y\n1,2\nword\n3,4\n");
  SourceOptions options;
  expect_error(ErrorCode::kBadData, "a.csv:3: 1 field where 2 are due",
               [&] { Content({file.path}, options); });
  options.on_bad = OnBad::kSkip;
  Content content({file.path}, options);
  EXPECT_EQ(content.types(), "x: int64; y: int64");
  EXPECT_EQ(content.source().rejected(), 1U);
}

TEST(Csv, WithoutRecords) {
  const OneFile file("a.csv", "x,y\n");
  expect_error(ErrorCode::kBadData, "there is no good record", [&] { Content({file.path}); });
  auto options = with_tensors({"x=x::float32"});
  options.drop = {"y"};
  EXPECT_EQ(Content({file.path}, options).rows, 0);
}

// What is in no tensor stays as it is, and has the type that its fields show.
TEST(Csv, OtherColumnsStayBesideTensors) {
  const OneFile file("a.csv", "when,a,b,text,n\n2026-01-01,1,2,x,7\n2026-01-02,3,4,y,8\n");
  auto options = with_tensors({"t=a,b:2:float32"});
  options.drop = {"when"};
  const Content content({file.path}, options);
  EXPECT_EQ(content.types(), "t: float32 [2]; text: string; n: int64");
  EXPECT_EQ(content.texts("text"), (Texts{"x", "y"}));
  EXPECT_EQ(content.values<std::int64_t>("n"), (Longs{7, 8}));
  options.drop = {};
  options.columns = {"n", "a..b"};
  EXPECT_EQ(Content({file.path}, options).types(), "t: float32 [2]; n: int64");
  expect_error(ErrorCode::kInvalidArgument, "tensors t: the fields of a CSV file have no dtype",
               [&] { open_source({file.path}, with_tensors({"t=a,b:2"})); });
}

TEST(Csv, TextBecomesClassNumbers) {
  const OneFile file("a.csv", "x,label,zip\n1,dog,10\n2,cat,9\n3,dog,00501\n");
  SourceOptions options;
  options.classes = {{"label"}, {"zip"}};
  const Content content({file.path}, options);
  EXPECT_EQ(content.types(), "x: int64; label: int64; zip: int64");
  EXPECT_EQ(content.schema().at("label").classes, (Texts{"cat", "dog"}));
  EXPECT_EQ(content.values<std::int64_t>("label"), (Longs{1, 0, 1}));
  EXPECT_EQ(content.schema().at("zip").classes, (Texts{"9", "10", "00501"}));  // as numbers
  EXPECT_EQ(content.values<std::int64_t>("zip"), (Longs{1, 0, 2}));
  options.classes = {{"label", {"cat"}}};
  expect_error(ErrorCode::kBadData, "a.csv:2: column 'label': 'dog' is none of the classes cat",
               [&] { Content({file.path}, options); });
}

// The text of a field is only changed where nobody said what it is.
TEST(Csv, TypesThatAreSaidAreNotLookedFor) {
  const OneFile file("a.csv", "zip,x,s\n00501,1,a\n10001,2,b\n");
  EXPECT_EQ(Content({file.path}).types(), "zip: int64; x: int64; s: string");
  SourceOptions options;
  options.types = {parse_type("zip=string"), parse_type("x=float32")};
  const Content content({file.path}, options);
  EXPECT_EQ(content.types(), "zip: string; x: float32; s: string");
  EXPECT_EQ(content.texts("zip"), (Texts{"00501", "10001"}));
  options.types = {parse_type("s=int8")};
  expect_error(ErrorCode::kBadData, "a.csv:2: column 's': 'a' is not a number",
               [&] { Content({file.path}, options); });
  options.types = {parse_type("s=list<int8>")};
  expect_error(
      ErrorCode::kInvalidArgument,
      "SourceOptions::types: column 's' of a CSV file is a number or a string, not list<int8>",
      [&] { open_source({file.path}, options); });
}

TEST(Csv, RecordNumbersCountThroughAllFilesBadOnesToo) {
  const TempFolder folder;
  write_all(folder / "a.csv", "x\n1\nbad\n2\n");
  write_all(folder / "b.csv", "x\n3\n");
  auto options = with_tensors({"x::int64"});
  options.on_bad = OnBad::kSkip;
  options.row_number = "row";
  const Content content({folder / "a.csv", folder / "b.csv"}, options);
  EXPECT_EQ(content.types(), "x: int64; row: int64");
  EXPECT_EQ(content.values<std::int64_t>("row"), (Longs{0, 2, 3}));
}

TEST(Csv, NanIsAValueOfFloatsWhereItIsAllowed) {
  const OneFile file("a.csv", "x,n\n1.5,1\nnan,2\n-inf,3\n");
  SourceOptions options;
  options.allow_nan = true;
  const Content content({file.path}, options);
  EXPECT_EQ(content.types(), "x: float64; n: int64");
  const auto values = content.values<double>("x");
  EXPECT_TRUE(std::isnan(values.at(1)));
  EXPECT_EQ(values.at(2), -std::numeric_limits<double>::infinity());
  for (const auto* const tensor : {"x::float16", "x::float32"}) {
    options.tensors = with_tensors({tensor}).tensors;
    EXPECT_EQ(Content({file.path}, options).rows, 3) << tensor;
  }
  options.tensors = with_tensors({"x::int64"}).tensors;
  options.on_bad = OnBad::kSkip;
  EXPECT_EQ(Content({file.path}, options).rows, 0);
}

TEST(Csv, FieldsMayBeSeparatedByOtherBytes) {
  const TempFolder folder;
  const std::string text = "a\tb\n1\t\"x\ty\"\n";
  for (const auto* const name : {"a.tsv", "a.tab", "A.TSV"}) {
    write_all(folder / name, text);
    const Content content({folder / name});
    EXPECT_EQ(content.types(), "a: int64; b: string");
    EXPECT_EQ(content.texts("b"), Texts{"x\ty"});
  }
  write_all(folder / "a.csv", "a;b\n1,5;2\n");
  expect_error(ErrorCode::kInvalidArgument,
               "a.csv:1: the first row is one field with ';' in it; say with "
               "SourceOptions::delimiter what the delimiter is",
               [&] { open_source({folder / "a.csv"}, {}); });
  SourceOptions options;
  options.delimiter = ';';
  EXPECT_EQ(Content({folder / "a.csv"}, options).types(), "a: string; b: int64");
  write_all(folder / "b.csv", "a;b\n1\n");
  options.delimiter = ',';  // one column of text, as is said
  EXPECT_EQ(Content({folder / "b.csv"}, options).types(), "a;b: int64");
}

TEST(Csv, UnknownColumnListsThoseThereAre) {
  const OneFile file("a.csv", "x,y\n1,2\n");
  expect_error(ErrorCode::kInvalidArgument,
               "tensors t: there is no column 'z'; the columns are x, y",
               [&] { open_source({file.path}, with_tensors({"t=z::float32"})); });
}

TEST(Csv, BatchesHaveBounds) {
  std::string text = "x,s\n";
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + ",t\n";
  const OneFile file("a.csv", text);
  SourceOptions options;
  options.batch_rows = 300;
  const Content content({file.path}, options);
  EXPECT_EQ(content.batches.size(), 4U);
  EXPECT_EQ(content.rows, 1000);
  const auto values = content.values<std::int64_t>("x");
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(values[i], static_cast<std::int64_t>(i));
}

TEST(Csv, LongTextsEndABatch) {
  const std::string megabyte(1 << 20, 'x');
  std::string text = "s\n";
  for (int i = 0; i < 40; ++i) text += megabyte + "\n";
  const OneFile file("a.csv", text);
  const Content content({file.path});
  EXPECT_EQ(content.rows, 40);
  EXPECT_GE(content.batches.size(), 3U);
}

TEST(Csv, ARecordHasABoundInColumns) {
  std::string record = "1";
  for (int i = 1; i < 1048577; ++i) record += ",1";
  const OneFile file("a.csv", record + "\n");
  expect_error(ErrorCode::kBadData, "a.csv:1: 1048577 columns, the limit is 1048576",
               [&] { open_source({file.path}, {}); });
}

TEST(Csv, MoreColumnsThanADataSetHasAreRefusedBeforeTheyAreRead) {
  std::string record = "1";
  for (int i = 1; i < 65537; ++i) record += ",1";
  const OneFile file("a.csv", record + "\n");
  expect_error(ErrorCode::kBadData, "a.csv: there are 65537 columns, the limit is 65536",
               [&] { open_source({file.path}, {}); });
  EXPECT_EQ(Content({file.path}, with_tensors({"x=f0..f65535:256x256:uint8"})).rows, 1);
}

TEST(Csv, ASampleThatIsTooLongIsABadRecord) {
  const std::string longest((8 << 20) - 8, 'x');
  const OneFile file("a.csv", "n,s\n1,a\n2," + longest + "\n3," + longest + "y\n4,b\n");
  expect_error(ErrorCode::kBadData, "a.csv:4: the sample has 8388609 bytes, the limit is 8388608",
               [&] { Content({file.path}); });
  SourceOptions options;
  options.on_bad = OnBad::kSkip;
  Content content({file.path}, options);
  EXPECT_EQ(content.values<std::int64_t>("n"), (Longs{1, 2, 4}));
  EXPECT_EQ(content.source().rejected(), 1U);
}

TEST(Csv, ASampleHasABoundInBytes) {
  std::string record = "1";
  for (int i = 1; i < 1024; ++i) record += ",1";
  const OneFile file("a.csv", record + "\n");
  auto options = with_tensors({"x=f0..f1023:1024x1024:float64"});
  options.tensors[0].columns.assign(1024, "f0..f1023");
  EXPECT_EQ(Content({file.path}, options).rows, 1);
  options.tensors.push_back(TensorSpec::parse("y=f0::float64"));
  expect_error(ErrorCode::kBadData, "a.csv: each sample has 8388616 bytes, the limit is 8388608",
               [&] { open_source({file.path}, options); });
}

TEST(Csv, GzipAndPlainAreTheSame) {
  const TempFolder folder;
  std::string text = "x,y\n";
  for (int i = 0; i < 100000; ++i) text += std::to_string(i) + "," + std::to_string(i * 0.5) + "\n";
  write_all(folder / "a.csv", text);
  write_all(folder / "b.csv.gz", testing::gzip(text.substr(0, 4)) + testing::gzip(text.substr(4)));
  const Content plain({folder / "a.csv"});
  const Content gzip({folder / "b.csv.gz"});
  EXPECT_EQ(plain.values<double>("y"), gzip.values<double>("y"));
}

TEST(Csv, TruncatedGzipIsSeen) {
  std::string text = "x\n";
  for (int i = 0; i < 100000; ++i) text += std::to_string(i) + "\n";
  const auto whole = testing::gzip(text);
  for (const std::size_t cut :
       {std::size_t{1}, std::size_t{4}, std::size_t{9}, whole.size() / 2, whole.size() - 20}) {
    const OneFile file("a.csv.gz", whole.substr(0, whole.size() - cut));
    expect_error(ErrorCode::kBadData, "a.csv.gz: the gzip data is damaged or cut off",
                 [&] { Content({file.path}); });
  }
}

TEST(Csv, AnUnfinishedRunLeavesNoRejectsFile) {
  const OneFile file("a.csv", "x\n1\noops\n2\n");
  auto options = with_tensors({"x=x::int64"});
  options.on_bad = OnBad::kSkip;
  options.batch_rows = 1;
  options.rejects_path = file.folder / "rejects.txt";
  {
    const auto source = open_source({file.path}, options);
    source->next();
    source->next();
    EXPECT_EQ(source->rejected(), 1U);
  }
  const auto files = std::filesystem::directory_iterator(file.folder.path());
  EXPECT_EQ(std::distance(files, {}), 1) << "more than the source";
}

TEST(Csv, FingerprintIsOfBytesAndOptions) {
  const TempFolder folder;
  write_all(folder / "a.csv", "x,y\n1,2\n");
  write_all(folder / "same.csv", "x,y\n1,2\n");
  write_all(folder / "other.csv", "x,y\n1,3\n");
  const auto of = [&](const std::vector<std::string>& names, const SourceOptions& options = {}) {
    std::vector<std::string> paths;
    for (const auto& name : names) paths.push_back(folder / name);
    return open_source(paths, options)->fingerprint();
  };
  const auto fingerprint = of({"a.csv"});
  EXPECT_EQ(fingerprint, of({"a.csv"}));
  EXPECT_EQ(fingerprint, of({"same.csv"}));
  EXPECT_NE(fingerprint, of({"other.csv"}));
  EXPECT_NE(fingerprint, of({"a.csv", "same.csv"}));
  EXPECT_NE(of({"a.csv", "other.csv"}), of({"other.csv", "a.csv"}));
  SourceOptions skip;
  skip.on_bad = OnBad::kSkip;
  EXPECT_NE(fingerprint, of({"a.csv"}, skip));
  SourceOptions headless;
  headless.header = Header::kNo;
  EXPECT_NE(fingerprint, of({"a.csv"}, headless));
  const auto tensor = of({"a.csv"}, with_tensors({"t=x,y:2:float32"}));
  EXPECT_NE(fingerprint, tensor);
  EXPECT_NE(tensor, of({"a.csv"}, with_tensors({"t=y,x:2:float32"})));
  EXPECT_NE(tensor, of({"a.csv"}, with_tensors({"t=x,y:2:float64"})));
  EXPECT_NE(tensor, of({"a.csv"}, with_tensors({"u=x,y:2:float32"})));
  SourceOptions batches;
  batches.batch_rows = 7;
  EXPECT_EQ(fingerprint, of({"a.csv"}, batches));
}

std::string in_csv(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + "\"";
}

double finite_number(Random& random) {
  while (true) {
    const auto bits = random.next();
    double value = 0;
    std::memcpy(&value, &bits, sizeof(value));
    if (std::isfinite(value)) return value;
  }
}

std::string awkward_text(Random& random) {
  constexpr std::string_view kBytes = "a,\"\n\r 7\t";
  std::string text;
  for (auto left = random.below(8); left > 0; --left) text += kBytes[random.below(kBytes.size())];
  return text;
}

// Numbers bit for bit, texts byte for byte.
TEST(Csv, WhatWasWrittenComesBack) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    constexpr std::string_view kLineEnds[] = {"\n", "\r\n", "\r"};
    const std::string line_end(kLineEnds[random.below(3)]);
    Longs wholes = {0};
    std::vector<double> numbers = {0.5};
    Texts texts = {"w"};  // so that the column is text for sure
    std::string csv = "whole,number,text" + line_end + "0,0.5,w" + line_end;
    for (auto left = random.below(50); left > 0; --left) {
      wholes.push_back(static_cast<std::int64_t>(random.next()) >> random.below(64));
      numbers.push_back(finite_number(random));
      texts.push_back(awkward_text(random));
      char number[40];
      std::snprintf(number, sizeof(number), "%.17g", numbers.back());
      csv += std::to_string(wholes.back()) + "," + number + "," + in_csv(texts.back()) + line_end;
    }
    const OneFile file("a.csv", csv);
    SourceOptions options;
    options.batch_rows = 1 + static_cast<std::int64_t>(random.below(60));
    const Content content({file.path}, options);
    ASSERT_EQ(content.types(), "whole: int64; number: float64; text: string");
    ASSERT_EQ(content.values<std::int64_t>("whole"), wholes);
    const auto back = content.values<double>("number");
    ASSERT_EQ(back.size(), numbers.size());
    ASSERT_EQ(std::memcmp(back.data(), numbers.data(), back.size() * sizeof(double)), 0);
    ASSERT_EQ(content.texts("text"), texts);
  }
}

}  // namespace
}  // namespace ringfeed
