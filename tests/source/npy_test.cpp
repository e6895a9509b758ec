#include <arrow/array.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/random.hpp"
#include "source/raw_values.hpp"
#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::Content;
using testing::expect_error;
using testing::npy;
using testing::OneFile;
using testing::raw;
using testing::TempFolder;
using testing::with_tensors;
using testing::write_all;

TEST(Npy, LittleEndianIsReadInPlace) {
  const TempFolder folder;
  write_all(folder / "x.npy", npy("<f4", "(2, 3)", raw<float>({0, 1, 2, 3, 4, 5})));
  write_all(folder / "y.npy", npy("<i8", "(2,)", raw<std::int64_t>({7, -8})));
  Content content({folder / "x.npy", folder / "y.npy"});
  EXPECT_TRUE(content.source().in_place());
  EXPECT_EQ(content.types(), "x: float32 [3]; y: int64");
  EXPECT_EQ(content.values<float>("x"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(content.values<std::int64_t>("y"), (std::vector<std::int64_t>{7, -8}));
}

// The batches hold the map, not the source.
TEST(Npy, BatchesOutliveTheSource) {
  const OneFile file("x.npy", npy("|u1", "(3,)", "abc"));
  auto source = open_source({file.path}, {});
  const auto batch = source->next();
  source.reset();
  std::filesystem::remove(file.path);
  EXPECT_TRUE(batch->ValidateFull().ok());
  EXPECT_EQ(batch->column(0)->ToString(), "[\n  97,\n  98,\n  99\n]");
}

TEST(Npy, RenamedAndReshapedIsStillInPlace) {
  const OneFile file(
      "x.npy", npy("<i2", "(2, 6)", raw<std::int16_t>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})));
  Content content({file.path}, with_tensors({"image=x:2x3:int16"}));
  EXPECT_TRUE(content.source().in_place());
  EXPECT_EQ(content.types(), "image: int16 [2, 3]");
  EXPECT_EQ(content.values<std::int16_t>("image"),
            (std::vector<std::int16_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
}

TEST(Npy, OtherBytesAreDecoded) {
  const OneFile big("x.npy",
                    npy(">i4", "(2,)", testing::big_endian(1) + testing::big_endian(0xFFFFFFFE)));
  Content content({big.path});
  EXPECT_FALSE(content.source().in_place());
  EXPECT_EQ(content.values<std::int32_t>("x"), (std::vector<std::int32_t>{1, -2}));

  const OneFile unsigned16("x.npy", npy("<u2", "(2,)", raw<std::uint16_t>({1, 65535})));
  EXPECT_EQ(Content({unsigned16.path}).values<std::int32_t>("x"),
            (std::vector<std::int32_t>{1, 65535}));
  const OneFile unsigned32("x.npy", npy(">u4", "(1,)", testing::big_endian(0xFFFFFFFE)));
  EXPECT_EQ(Content({unsigned32.path}).values<std::int64_t>("x"),
            std::vector<std::int64_t>{4294967294});

  const OneFile bools("x.npy", npy("|b1", "(3, 3)", raw<char>({1, 0, 0, 0, 1, 1, 1, 1, 1})));
  EXPECT_EQ(Content({bools.path}).values<int>("x"), (std::vector<int>{1, 0, 0, 0, 1, 1, 1, 1, 1}));

  const OneFile halves("x.npy", npy("<f2", "(2,)", raw<std::uint16_t>({0x3C00, 0xC000})));
  EXPECT_EQ(Content({halves.path}).values<std::uint16_t>("x"),
            (std::vector<std::uint16_t>{0x3C00, 0xC000}));
}

TEST(Npy, DataThatIsNotAlignedIsCopied) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  while ((10 + dict.size()) % 4 != 1) dict += ' ';
  bytes.push_back(static_cast<char>(dict.size()));
  bytes.push_back('\0');
  const OneFile file("x.npy", bytes + dict + raw<float>({1.5F, 2.5F}));
  Content content({file.path});
  EXPECT_FALSE(content.source().in_place());
  EXPECT_EQ(content.values<float>("x"), (std::vector<float>{1.5F, 2.5F}));
}

TEST(Npy, SampleCountsMustAgree) {
  const TempFolder folder;
  write_all(folder / "x.npy", npy("|u1", "(3,)", "abc"));
  write_all(folder / "y.npy", npy("|u1", "(2,)", "ab"));
  expect_error(ErrorCode::kBadData,
               (folder / "x.npy") + " has 3 samples, but " + (folder / "y.npy") + " has 2",
               [&] { open_source({folder / "x.npy", folder / "y.npy"}, {}); });
}

TEST(Npy, TwoFilesOfOneName) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "b");
  write_all(folder / "x.npy", npy("|u1", "(1,)", "a"));
  write_all(folder / "b/x.npy", npy("|u1", "(1,)", "a"));
  expect_error(ErrorCode::kInvalidArgument, "both would be the column 'x'",
               [&] { open_source({folder / "x.npy", folder / "b/x.npy"}, {}); });
}

TEST(Npy, ErrorsOfTheHeaderNameTheFile) {
  const OneFile file("x.npy", npy("<f4", "(300000000000, 784)", "abcd"));
  expect_error(ErrorCode::kBadData,
               file.path + ": the header claims 300000000000 samples of 3136 bytes",
               [&] { open_source({file.path}, {}); });
}

TEST(Npy, NanAndInfinityAreBadRecords) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const OneFile file(
      "x.npy", npy("<f4", "(5, 2)", raw<float>({1, 2, 3, kNan, 5, 6, -kInfinity, kNan, 9, 10})));
  expect_error(ErrorCode::kBadData,
               file.path +
                   ":2: column 'x': nan is not a finite number (allow_nan admits it); correct it, "
                   "or leave bad",
               [&] { Content({file.path}); });
  SourceOptions options;
  options.on_bad = OnBad::kSkip;
  options.rejects_path = file.folder / "rejects.txt";
  Content content({file.path}, options);
  EXPECT_TRUE(content.source().in_place());
  EXPECT_EQ(content.values<float>("x"), (std::vector<float>{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(content.source().rejected(), 2U);
  EXPECT_EQ(testing::read_all(options.rejects_path),
            file.path + ":2: column 'x': nan is not a finite number (allow_nan admits it)\n" +
                file.path + ":4: column 'x': -inf is not a finite number (allow_nan admits it)\n");
}

TEST(Npy, NanIsSeenInEveryFloatType) {
  const OneFile half("x.npy", npy("<f2", "(2,)", raw<std::uint16_t>({0x7BFF, 0x7E00})));
  expect_error(ErrorCode::kBadData, ":2: column 'x': nan", [&] { Content({half.path}); });
  const OneFile wide("x.npy", npy("<f8", "(2,)", raw<double>({1e308, HUGE_VAL})));
  expect_error(ErrorCode::kBadData, ":2: column 'x': inf", [&] { Content({wide.path}); });
  const OneFile big(
      "x.npy",
      npy(">f4", "(2,)", testing::big_endian(0x3F800000) + testing::big_endian(0x7FC00000)));
  expect_error(ErrorCode::kBadData, ":2: column 'x': nan", [&] { Content({big.path}); });
}

// Skipping leaves out exactly the bad rows, wherever they stand, in batches that are not the first
// too.
TEST(Npy, BadRowsAreFoundAnywhere) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const auto rows = 1 + random.below(3000);
    const auto one_bad_in = 1 + random.below(500);
    std::string data;
    std::vector<double> expected;
    for (std::uint64_t i = 0; i < rows; ++i) {
      const bool bad = random.below(one_bad_in) == 0;
      data += raw<double>({bad ? std::nan("") : static_cast<double>(i)});
      if (!bad) expected.push_back(static_cast<double>(i));
    }
    const OneFile file("x.npy", npy("<f8", "(" + std::to_string(rows) + ",)", data));
    SourceOptions options;
    options.on_bad = OnBad::kSkip;
    options.batch_rows = 1 + static_cast<std::int64_t>(random.below(3000));
    Content content({file.path}, options);
    ASSERT_EQ(content.values<double>("x"), expected);
    ASSERT_EQ(content.source().rejected(), rows - expected.size());
  }
}

TEST(Npy, ColumnsThatAreNotReadAreNotJudged) {
  const TempFolder folder;
  write_all(folder / "x.npy", npy("<f4", "(1,)", raw<float>({std::nanf("")})));
  write_all(folder / "y.npy", npy("|u1", "(1,)", "a"));
  auto options = with_tensors({"label=y::int64"});
  options.drop = {"x"};
  EXPECT_EQ(Content({folder / "x.npy", folder / "y.npy"}, options).types(), "label: int64");
  options.drop = {};
  expect_error(ErrorCode::kBadData, "column 'x': nan is not a finite number (allow_nan admits it)",
               [&] { Content({folder / "x.npy", folder / "y.npy"}, options); });
  options.allow_nan = true;
  EXPECT_TRUE(
      std::isnan(Content({folder / "x.npy", folder / "y.npy"}, options).values<float>("x").at(0)));
}

TEST(Npy, AFileCutWhileItIsReadIsSeen) {
  const std::string data(1 << 20, 'x');
  const OneFile file("x.npy", npy("|u1", "(1048576,)", data));
  const auto source = open_source({file.path}, {});
  ASSERT_NE(source->next(), nullptr);
  std::filesystem::resize_file(file.path, 1000);
  expect_error(ErrorCode::kBadData, "x.npy: the file was cut while it was read",
               [&] { source->next(); });
}

TEST(RawValues, EveryWidthAndOrder) {
  const std::string bytes = "\x01\x02\x03\x04\x05\x06\x07\x08";
  const auto* const from = reinterpret_cast<const std::byte*>(bytes.data());
  std::uint64_t to[4] = {};
  const auto decode = [&](RawFormat format, std::int64_t count) {
    to[0] = to[1] = 0;
    decode_raw(format, from, count, reinterpret_cast<std::byte*>(to));
    return to[0];
  };
  EXPECT_EQ(decode({DType::kInt64, 8, false, false}, 1), 0x0807060504030201U);
  EXPECT_EQ(decode({DType::kInt64, 8, true, false}, 1), 0x0102030405060708U);
  EXPECT_EQ(decode({DType::kInt32, 4, true, false}, 2), 0x0506070801020304U);
  EXPECT_EQ(decode({DType::kInt16, 2, true, false}, 4), 0x0708050603040102U);
  EXPECT_EQ(decode({DType::kUInt8, 1, false, false}, 8), 0x0807060504030201U);
  EXPECT_EQ(decode({DType::kInt32, 2, false, true}, 2), 0x0000040300000201U);
  EXPECT_EQ(decode({DType::kInt64, 4, true, true}, 2), 0x0000000001020304U);
  EXPECT_EQ(to[1], 0x0000000005060708U);
}

}  // namespace
}  // namespace ringfeed
