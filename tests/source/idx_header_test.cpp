#include "source/idx_header.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::idx;

RawArray parse(const std::string& bytes) {
  return parse_idx_header(std::as_bytes(std::span(bytes)), bytes.size());
}

void expect_bad(const std::string& bytes, const std::string& what) {
  expect_error(ErrorCode::kBadData, what, [&] { parse(bytes); });
}

TEST(IdxHeader, GoldenBytesOfMnist) {
  // train-images-idx3-ubyte starts so; one image here.
  const std::string bytes("\x00\x00\x08\x03\x00\x00\x00\x01\x00\x00\x00\x1c\x00\x00\x00\x1c", 16);
  const auto header = parse(bytes + std::string(784, 'x'));
  EXPECT_EQ(header.format, (RawFormat{DType::kUInt8, 1, false, false}));
  EXPECT_EQ(header.samples, 1);
  EXPECT_EQ(header.shape, (std::vector<std::int64_t>{28, 28}));
  EXPECT_EQ(header.data_offset, 16U);
  EXPECT_EQ(header.sample_bytes, 784U);
}

TEST(IdxHeader, Types) {
  const auto format = [](unsigned type, std::size_t item) {
    return parse(idx(type, {1}, std::string(item, 'x'))).format;
  };
  EXPECT_EQ(format(0x09, 1), (RawFormat{DType::kInt8, 1, false, false}));
  EXPECT_EQ(format(0x0B, 2), (RawFormat{DType::kInt16, 2, true, false}));
  EXPECT_EQ(format(0x0C, 4), (RawFormat{DType::kInt32, 4, true, false}));
  EXPECT_EQ(format(0x0D, 4), (RawFormat{DType::kFloat32, 4, true, false}));
  EXPECT_EQ(format(0x0E, 8), (RawFormat{DType::kFloat64, 8, true, false}));
  expect_bad(idx(0x0A, {1}, "x"), "the IDX type 0x0a is not known");
  expect_bad(idx(0x00, {1}, "x"), "the IDX type 0x00 is not known");
}

TEST(IdxHeader, ClaimsAreCheckedAgainstTheFile) {
  expect_bad(idx(8, {3, 2}, "abcde"),
             "the header claims 3 samples of 2 bytes, but only 5 bytes follow");
  expect_bad(idx(8, {3, 2}, "abcdefg"), "1 bytes follow the data that the header claims");
  expect_bad(idx(0x0E, {0xFFFFFFFF}, "x"), "claims 4294967295 samples of 8 bytes");
  expect_bad(idx(8, {1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "x"), "more than 8388608 bytes");
  expect_bad(idx(8, {1, 0}, ""), "the samples have no elements");
  expect_bad(idx(8, {}, "x"), "claims 0 dimensions");
  expect_bad(idx(8, std::vector<std::uint32_t>(18, 1), "x"), "claims 18 dimensions");
  EXPECT_EQ(parse(idx(8, {0, 5}, "")).samples, 0);
}

TEST(IdxHeader, Lengths) {
  const auto whole = idx(8, {2, 2}, "abcd");
  for (std::size_t size = 0; size < whole.size(); ++size) expect_bad(whole.substr(0, size), "");
  expect_bad("x" + whole, "this is not an IDX file");
}

TEST(IdxHeader, WithoutTheSizeOfTheFile) {
  const auto bytes = idx(8, {0xFFFFFFFF, 28, 28}, "");
  EXPECT_EQ(parse_idx_header(std::as_bytes(std::span(bytes)), std::nullopt).samples, 4294967295);
}

}  // namespace
}  // namespace ringfeed
