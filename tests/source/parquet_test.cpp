#include "source/parquet.hpp"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <filesystem>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using testing::TempFolder;
using testing::with_tensors;
using testing::write_all;
using Texts = std::vector<std::string>;

struct Column {
  std::string name;
  std::shared_ptr<arrow::DataType> type;
  std::string json;
  std::shared_ptr<const arrow::KeyValueMetadata> metadata = nullptr;
};

void write_parquet(const std::string& path, const std::vector<Column>& columns,
                   std::int64_t group_rows = 1024, bool compressed = false) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& column : columns) {
    fields.push_back(arrow::field(column.name, column.type)->WithMetadata(column.metadata));
    if (column.type->id() == arrow::Type::DICTIONARY) {
      arrays.push_back(value_of(
          arrow::json::DictArrayFromJSONString(column.type, "[0, 1, 0]", column.json), "json"));
    } else {
      arrays.push_back(
          value_of(arrow::json::ArrayFromJSONString(column.type, column.json), "json"));
    }
  }
  const auto table = arrow::Table::Make(arrow::schema(fields), arrays);
  const auto sink = value_of(arrow::io::FileOutputStream::Open(path), path);
  parquet::WriterProperties::Builder properties;
  properties.enable_page_checksum();
  properties.compression(compressed ? parquet::Compression::SNAPPY
                                    : parquet::Compression::UNCOMPRESSED);
  // Arrow's own schema goes into the file, as pyarrow does it.
  const auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  check(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink, group_rows,
                                   properties.build(), arrow_properties),
        path);
  check(sink->Close(), path);
}

TEST(Parquet, TypesThatAreHeld) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  write_parquet(path,
                {
                    {"u8", arrow::uint8(), "[1, 2, 255]"},
                    {"i8", arrow::int8(), "[1, 2, -3]"},
                    {"i16", arrow::int16(), "[1, 2, -3]"},
                    {"u16", arrow::uint16(), "[1, 2, 65535]"},
                    {"i32", arrow::int32(), "[1, 2, -3]"},
                    {"u32", arrow::uint32(), "[1, 2, 4294967295]"},
                    {"i64", arrow::int64(), "[1, 2, -3]"},
                    {"f16", arrow::float16(), "[1, 2, 3]"},
                    {"f32", arrow::float32(), "[1, 2, 0.5]"},
                    {"f64", arrow::float64(), "[1, 2, 0.1]"},
                    {"b", arrow::boolean(), "[true, false, true]"},
                    {"s", arrow::utf8(), R"(["x", "", "zz"])"},
                    {"ls", arrow::large_utf8(), R"(["x", "", "zz"])"},
                    {"bin", arrow::binary(), R"(["x", "", "zz"])"},
                    {"lbin", arrow::large_binary(), R"(["x", "", "zz"])"},
                    {"fixed", arrow::fixed_size_binary(2), R"(["ab", "cd", "ef"])"},
                    {"d", arrow::dictionary(arrow::int32(), arrow::utf8()), R"(["x", "yy"])"},
                    {"dn", arrow::dictionary(arrow::int8(), arrow::uint16()), "[7, 9]"},
                    {"list", arrow::list(arrow::uint16()), "[[1], [], [2, 3]]"},
                    {"llist", arrow::large_list(arrow::float32()), "[[1], [], [2, 3]]"},
                    {"fsl", arrow::fixed_size_list(arrow::int16(), 2), "[[1, 2], [3, 4], [5, 6]]"},
                });
  const Content content({path});
  EXPECT_EQ(content.types(),
            "u8: uint8; i8: int8; i16: int16; u16: int32; i32: int32; u32: int64; i64: int64; f16: "
            "float16; "
            "f32: float32; f64: float64; b: bool; s: string; ls: string; bin: binary; lbin: "
            "binary; fixed: binary; "
            "d: string; dn: int32; list: list<int32>; llist: list<float32>; fsl: int16 [2]");
  EXPECT_EQ(content.rows, 3);
  EXPECT_EQ(content.values<std::uint8_t>("u8").back(), 255);
  EXPECT_EQ(content.values<std::int32_t>("u16").back(), 65535);
  EXPECT_EQ(content.values<std::int64_t>("u32").back(), 4294967295);
  EXPECT_EQ(content.values<std::uint16_t>("f16"),
            (std::vector<std::uint16_t>{0x3C00, 0x4000, 0x4200}));
  EXPECT_EQ(content.values<double>("f64").back(), 0.1);
  EXPECT_EQ(content.values<int>("b"), (std::vector<int>{1, 0, 1}));
  for (const std::string name : {"s", "ls", "bin", "lbin"})
    EXPECT_EQ(content.texts(name), (Texts{"x", "", "zz"}));
  EXPECT_EQ(content.texts("fixed"), (Texts{"ab", "cd", "ef"}));
  EXPECT_EQ(content.texts("d"), (Texts{"x", "yy", "x"}));
  EXPECT_EQ(content.values<std::int32_t>("dn"), (std::vector<std::int32_t>{7, 9, 7}));
  EXPECT_EQ(content.values<std::int32_t>("list"), (std::vector<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(content.values<float>("llist"), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(content.values<std::int16_t>("fsl"), (std::vector<std::int16_t>{1, 2, 3, 4, 5, 6}));
}

std::shared_ptr<const arrow::KeyValueMetadata> tensor_metadata(const std::string& json) {
  return arrow::key_value_metadata({"ARROW:extension:name", "ARROW:extension:metadata"},
                                   {"arrow.fixed_shape_tensor", json});
}

TEST(Parquet, FixedShapeTensors) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  const auto type = arrow::fixed_size_list(arrow::float32(), 4);
  write_parquet(path, {{"x", type, "[[1, 2, 3, 4]]", tensor_metadata(R"({"shape":[2,2]})")},
                       {"y", type, "[[1, 2, 3, 4]]",
                        tensor_metadata(R"({"shape":[2,2],"permutation":[0,1]})")}});
  EXPECT_EQ(Content({path}).types(), "x: float32 [2, 2]; y: float32 [2, 2]");
  write_parquet(path, {{"x", type, "[[1, 2, 3, 4]]",
                        tensor_metadata(R"({"shape":[2,2],"permutation":[1,0]})")}});
  expect_error(ErrorCode::kBadData,
               "a.parquet: column 'x': a fixed_shape_tensor with a permutation cannot be held",
               [&] { open_source({path}, {}); });
}

TEST(Parquet, TypesThatCannotBeHeldAreNamed) {
  const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::string>> types = {
      {arrow::uint64(), "[1]"},
      {arrow::timestamp(arrow::TimeUnit::MICRO), "[1]"},
      {arrow::date32(), "[1]"},
      {arrow::decimal128(10, 2), R"(["1.00"])"},
      {arrow::struct_({arrow::field("a", arrow::int32())}), R"([{"a": 1}])"},
      {arrow::map(arrow::utf8(), arrow::int32()), R"([[["k", 1]]])"},
      {arrow::list(arrow::list(arrow::int32())), "[[[1]]]"},
      {arrow::fixed_size_list(arrow::timestamp(arrow::TimeUnit::MICRO), 1), "[[1]]"},
  };
  for (const auto& [type, json] : types) {
    SCOPED_TRACE(type->ToString());
    const TempFolder folder;
    const auto path = folder / "a.parquet";
    write_parquet(path, {{"x", type, json}, {"y", arrow::int32(), "[1]"}});
    const auto error = testing::error_of([&] { open_source({path}, {}); });
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_TRUE(std::string(error.what()).starts_with(path + ": column x: type ")) << error.what();
    const bool list = type->id() == arrow::Type::LIST || type->id() == arrow::Type::FIXED_SIZE_LIST;
    const bool fields = type->id() == arrow::Type::STRUCT;
    EXPECT_NE(std::string(error.what())
                  .find(list     ? "cannot be held; lists are of numbers"
                        : fields ? "cannot be held; make its fields columns of their own"
                                 : "cannot be held; cast it to one of"),
              std::string::npos)
        << error.what();
    // Who leaves it out does not meet it.
    SourceOptions options;
    options.drop = {"x"};
    EXPECT_EQ(Content({path}, options).types(), "y: int32");
    expect_error(ErrorCode::kBadData, "or leave the column out with drop",
                 [&] { open_source({path}, with_tensors({"y=y::int32"})); });
    expect_error(ErrorCode::kBadData, "cannot be held",
                 [&] { open_source({path}, with_tensors({"x=x::int32"})); });
  }
}

TEST(Parquet, ListsOfTextAreRefusedByName) {
  for (const auto& type : {arrow::list(arrow::utf8()), arrow::large_list(arrow::large_utf8()),
                           arrow::fixed_size_list(arrow::utf8(), 1)}) {
    SCOPED_TRACE(type->ToString());
    const TempFolder folder;
    const auto path = folder / "a.parquet";
    write_parquet(path, {{"tags", type, R"([["a"]])"}, {"y", arrow::int32(), "[1]"}});
    expect_error(ErrorCode::kBadData,
                 path +
                     ": column 'tags': a list of text cannot be held; make it one text, as JSON "
                     "does, or numbers, as a tokenizer does, or leave the column out with "
                     "drop",
                 [&] { open_source({path}, {}); });
    SourceOptions options;
    options.drop = {"tags"};
    EXPECT_EQ(Content({path}, options).types(), "y: int32");
  }
}

TEST(Parquet, ManyRowGroupsAndBatches) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  std::string json = "[0";
  for (int i = 1; i < 1000; ++i) json += "," + std::to_string(i);
  write_parquet(path, {{"x", arrow::int64(), json + "]"}}, 130, true);
  SourceOptions options;
  options.batch_rows = 77;
  const Content content({path}, options);
  const auto values = content.values<std::int64_t>("x");
  ASSERT_EQ(values.size(), 1000U);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(values[i], static_cast<std::int64_t>(i));
  for (const auto& batch : content.batches) EXPECT_LE(batch->num_rows(), 77);
}

TEST(Parquet, AFolderIsReadByName) {
  const TempFolder folder;
  for (const std::string name : {"b", "c", "a"}) {
    write_parquet(folder / (name + ".parquet"), {{"x", arrow::utf8(), "[\"" + name + "\"]"}});
  }
  write_all(folder / "_metadata.parquet", "not read");
  write_all(folder / ".hidden.parquet", "not read");
  write_all(folder / "_SUCCESS", "");
  EXPECT_EQ(Content({folder.path()}).texts("x"), (Texts{"a", "b", "c"}));
  EXPECT_EQ(Content({folder / "b.parquet", folder / "a.parquet"}).texts("x"), (Texts{"b", "a"}));
}

TEST(Parquet, FilesMustHaveTheSameColumns) {
  const TempFolder folder;
  const auto a = folder / "a.parquet";
  const auto b = folder / "b.parquet";
  write_parquet(a, {{"x", arrow::int32(), "[1]"}});
  write_parquet(b, {{"x", arrow::float32(), "[1]"}});
  expect_error(ErrorCode::kBadData, b + ": column 'x' is float32 where " + a + " has int32",
               [&] { open_source({a, b}, {}); });
  write_parquet(b, {{"y", arrow::int32(), "[1]"}});
  expect_error(ErrorCode::kBadData, b + ": column 1 is 'y' where " + a + " has 'x'",
               [&] { open_source({a, b}, {}); });
  write_parquet(b, {{"x", arrow::int32(), "[1]"}, {"y", arrow::int32(), "[1]"}});
  expect_error(ErrorCode::kBadData, b + ": 2 columns where " + a + " has 1",
               [&] { open_source({a, b}, {}); });
  write_parquet(b, {{"x", arrow::uint16(), "[2]"}});  // held as int32 too
  EXPECT_EQ(Content({a, b}).values<std::int32_t>("x"), (std::vector<std::int32_t>{1, 2}));
}

TEST(Parquet, OfAFolderNothingIsLeftOutInSilence) {
  const TempFolder folder;
  write_parquet(folder / "b.parquet", {{"x", arrow::utf8(), R"(["b"])"}});
  write_parquet(folder / "A.PARQUET", {{"x", arrow::utf8(), R"(["a"])"}});
  EXPECT_EQ(Content({folder.path()}).texts("x"), (Texts{"a", "b"}));
  write_all(folder / "c.parq", "?");
  std::filesystem::create_directory(folder / "label=0");
  expect_error(ErrorCode::kInvalidArgument,
               folder.path() + ": beside .parquet files the folder holds c.parq, label=0",
               [&] { open_source({folder.path()}, {}); });
}

TEST(Parquet, ASampleThatIsTooLongIsABadRecord) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  const std::string half(4 << 20, 'x');
  write_parquet(path, {{"n", arrow::int64(), "[1, 2, 3]"},
                       {"s", arrow::utf8(), "[\"a\", \"" + half + "\", \"c\"]"},
                       {"b", arrow::binary(), "[\"" + half + "\", \"" + half + "\", \"c\"]"}});
  expect_error(ErrorCode::kBadData, path + ":2: the sample has 8388616 bytes, the limit is 8388608",
               [&] { Content({path}); });
  SourceOptions options;
  options.on_bad = OnBad::kSkip;
  EXPECT_EQ(Content({path}, options).values<std::int64_t>("n"), (std::vector<std::int64_t>{1, 3}));
}

TEST(Parquet, NullsAreBadRecords) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  const auto rejects = folder / "rejects.txt";
  write_parquet(path,
                {{"x", arrow::int32(), "[1, null, 3, 4, 5]"},
                 {"s", arrow::utf8(), R"(["a", "b", "c", null, "e"])"},
                 {"l", arrow::list(arrow::float32()), "[[1], [2], [3, null], [4], [5, 6]]"}},
                2);
  expect_error(ErrorCode::kBadData,
               path + ":2: column 'x': the value is missing (null); correct it",
               [&] { Content({path}); });
  SourceOptions options;
  options.on_bad = OnBad::kSkip;
  options.rejects_path = rejects;
  Content content({path}, options);
  EXPECT_EQ(content.values<std::int32_t>("x"), (std::vector<std::int32_t>{1, 5}));
  EXPECT_EQ(content.texts("s"), (Texts{"a", "e"}));
  EXPECT_EQ(content.values<float>("l"), (std::vector<float>{1, 5, 6}));
  EXPECT_EQ(content.source().rejected(), 3U);
  EXPECT_EQ(testing::read_all(rejects), path + ":2: column 'x': the value is missing (null)\n" +
                                            path +
                                            ":3: column 'l': an element is missing (null)\n" +
                                            path + ":4: column 's': the value is missing (null)\n");
}

TEST(Parquet, NanIsABadRecordInTensorsAndListsToo) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  write_parquet(path, {{"x", arrow::list(arrow::float64()), "[[1], [], [2, 3, NaN, 4], [5]]"}});
  expect_error(ErrorCode::kBadData,
               path + ":3: column 'x': nan is not a finite number (allow_nan admits it)",
               [&] { Content({path}); });
  write_parquet(path, {{"x", arrow::fixed_size_list(arrow::float32(), 2), "[[1, 2], [3, Inf]]"}});
  expect_error(ErrorCode::kBadData,
               path + ":2: column 'x': inf is not a finite number (allow_nan admits it)",
               [&] { Content({path}); });
}

TEST(Parquet, TensorsOfColumns) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  write_parquet(path, {{"a", arrow::int32(), "[1, 2]"},
                       {"b", arrow::boolean(), "[true, false]"},
                       {"c", arrow::fixed_size_list(arrow::float64(), 2), "[[3, 4], [5, 6]]"},
                       {"s", arrow::utf8(), R"(["x", "y"])"}});
  const Content content({path}, with_tensors({"t=c,a..b:2x2:float32", "y=a::uint8"}));
  EXPECT_EQ(content.types(), "t: float32 [2, 2]; y: uint8; s: string");
  EXPECT_EQ(content.values<float>("t"), (std::vector<float>{3, 4, 1, 1, 5, 6, 2, 0}));
  EXPECT_EQ(content.values<std::uint8_t>("y"), (std::vector<std::uint8_t>{1, 2}));
  expect_error(ErrorCode::kInvalidArgument,
               "tensors t: column 's' is string, which makes no tensor",
               [&] { open_source({path}, with_tensors({"t=s::int8"})); });
  expect_error(ErrorCode::kInvalidArgument, "the columns are a, b, c, s",
               [&] { open_source({path}, with_tensors({"t=z::int8"})); });
}

TEST(Parquet, CastsThatLoseValuesAreBadRecords) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  write_parquet(path,
                {{"a", arrow::int32(), "[1, 300, 3]"}, {"b", arrow::float64(), "[1, 2, 1.5]"}});
  expect_error(ErrorCode::kBadData, path + ":2: column 'a': 300 is out of the range of uint8",
               [&] { Content({path}, with_tensors({"t=a::uint8"})); });
  expect_error(ErrorCode::kBadData,
               path + ":3: column 'b': 1.5 is not a whole number, as int64 needs",
               [&] { Content({path}, with_tensors({"t=b::int64"})); });
  auto options = with_tensors({"t=a,b:2:uint8"});
  options.on_bad = OnBad::kSkip;
  EXPECT_EQ(Content({path}, options).values<std::uint8_t>("t"), (std::vector<std::uint8_t>{1, 1}));
}

TEST(Parquet, WhatIsNoParquetFile) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  for (const auto& bytes : {std::string("PAR1"), std::string("PAR1PAR1"), std::string(1000, 'x'),
                            std::string("PAR1\x00\x00\x00\x7fPAR1", 12)}) {
    write_all(path, bytes);
    expect_error(ErrorCode::kBadData, "fetch or write the file again",
                 [&] { open_source({path}, {}); });
  }
}

// Pages have checksums here, the footer has none: a flipped bit must be an error, or change no
// value.
TEST(Parquet, FlippedBitsAndCutsNeverCrash) {
  const TempFolder folder;
  const auto path = folder / "a.parquet";
  std::string numbers = "[0";
  for (int i = 1; i < 300; ++i) numbers += "," + std::to_string(i * 3);
  std::string texts = R"(["t")";
  for (int i = 1; i < 300; ++i) texts += ",\"t" + std::to_string(i % 5) + "\"";
  std::string lists = "[[0]";
  for (int i = 1; i < 300; ++i) lists += i % 2 == 0 ? ",[1,2]" : ",[]";
  write_parquet(path,
                {{"x", arrow::int64(), numbers + "]"},
                 {"s", arrow::utf8(), texts + "]"},
                 {"l", arrow::list(arrow::int32()), lists + "]"}},
                100, true);
  const auto whole = testing::read_all(path);
  int errors = 0;
  for (std::size_t i = 0; i < whole.size(); i += 3) {
    auto bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    write_all(path, bytes);
    try {
      const auto source = open_source({path}, {});
      while (const auto batch = source->next()) {
        ASSERT_TRUE(batch->ValidateFull().ok()) << "byte " << i;
      }
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kBadData || error.code() == ErrorCode::kInternal)
          << error.what();
      ++errors;
    }
  }
  EXPECT_GT(errors, 100);
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    write_all(path, whole.substr(0, size));
    expect_error(ErrorCode::kBadData, path, [&] { Content({path}); });
  }
}

}  // namespace
}  // namespace ringfeed
