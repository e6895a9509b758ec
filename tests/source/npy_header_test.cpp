#include "source/npy_header.hpp"

#include <gtest/gtest.h>

#include "source_files.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::npy;
using testing::npy_with_header;

RawArray parse(const std::string& bytes) {
  return parse_npy_header(
      std::as_bytes(std::span(bytes.data(), std::min(bytes.size(), kNpyHeaderBytesMax))),
      bytes.size());
}

void expect_bad(const std::string& bytes, const std::string& what) {
  expect_error(ErrorCode::kBadData, what, [&] { parse(bytes); });
}

TEST(NpyHeader, GoldenBytesOfNumpy) {
  // numpy.save of numpy.arange(6, dtype='<f4').reshape(2, 3)
  const std::string bytes = std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
                            std::string(58, ' ') + "\n" + testing::raw<float>({0, 1, 2, 3, 4, 5});
  const auto header = parse(bytes);
  EXPECT_EQ(header.format, (RawFormat{DType::kFloat32, 4, false, false}));
  EXPECT_EQ(header.samples, 2);
  EXPECT_EQ(header.shape, std::vector<std::int64_t>{3});
  EXPECT_EQ(header.data_offset, 128U);
  EXPECT_EQ(header.sample_bytes, 12U);
}

TEST(NpyHeader, VersionsAndDialects) {
  for (const int version : {1, 2, 3})
    EXPECT_EQ(parse(npy("<i8", "(1,)", std::string(8, 'x'), version)).samples, 1);
  EXPECT_EQ(parse(npy_with_header("{\"shape\":(2L,2L),\"fortran_order\":False,\"descr\":\"|u1\"}",
                                  "abcd"))
                .samples,
            2);
  EXPECT_EQ(parse(npy("|b1", "(0, 5)", "")).samples, 0);
  EXPECT_EQ(parse(npy("|i1", "(3, 1, 2)", "abcdef")).shape, (std::vector<std::int64_t>{1, 2}));
  // One dimension is the same in both orders.
  EXPECT_EQ(parse(npy_with_header("{'descr': '|u1', 'fortran_order': True, 'shape': (2,), }", "ab"))
                .samples,
            2);
}

TEST(NpyHeader, DTypes) {
  const auto format = [](const std::string& descr, std::size_t item) {
    return parse(npy(descr, "(1,)", std::string(item, '\0'))).format;
  };
  EXPECT_EQ(format("|u1", 1), (RawFormat{DType::kUInt8, 1, false, false}));
  EXPECT_EQ(format(">u1", 1), (RawFormat{DType::kUInt8, 1, false, false}));
  EXPECT_EQ(format("|b1", 1), (RawFormat{DType::kBool, 1, false, false}));
  EXPECT_EQ(format(">i2", 2), (RawFormat{DType::kInt16, 2, true, false}));
  EXPECT_EQ(format("<f2", 2), (RawFormat{DType::kFloat16, 2, false, false}));
  EXPECT_EQ(format("<u2", 2), (RawFormat{DType::kInt32, 2, false, true}));
  EXPECT_EQ(format(">u4", 4), (RawFormat{DType::kInt64, 4, true, true}));
  EXPECT_EQ(format(">f8", 8), (RawFormat{DType::kFloat64, 8, true, false}));
  for (const std::string descr :
       {"<u8", "<c8", "|O", "<U10", "|S3", "<M8[ns]", "f4", "=f4", "|f4", "", "<", "<f16"}) {
    expect_bad(npy(descr, "(1,)", std::string(8, '\0')),
               "the dtype '" + descr + "' cannot be held");
  }
  expect_bad(
      npy_with_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "abcd"),
      "structured");
}

TEST(NpyHeader, ClaimsAreCheckedAgainstTheFile) {
  expect_bad(
      npy("<f4", "(3, 2)", std::string(23, '\0')),
      "the header claims 3 samples of 8 bytes, but only 23 bytes follow: the file is cut off");
  expect_bad(npy("<f4", "(3, 2)", std::string(25, '\0')),
             "1 bytes follow the data that the header claims");
  expect_bad(npy("<f8", "(9223372036854775807,)", "x"), "claims 9223372036854775807 samples");
  expect_bad(npy("<f8", "(1, 9223372036854775807)", "x"), "more than 8388608 bytes");
  expect_bad(npy("<f8", "(4611686018427387904, 4)", std::string(32, 'x')),
             "claims 4611686018427387904 samples");
  expect_bad(npy("<f8", "(1, 65536, 65536, 65536, 65536)", "x"), "more than 8388608 bytes");
  expect_bad(npy("<f4", "(3, 0)", ""), "the samples have no elements");
  expect_bad(npy("<f4", "()", "abcd"), "the array has no dimensions");
}

TEST(NpyHeader, FortranOrderIsRefusedWithTheRemedy) {
  expect_bad(npy_with_header("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1), }", "ab"),
             "numpy.ascontiguousarray(x)");
}

TEST(NpyHeader, Dicts) {
  for (const std::string dict :
       {"",
        "{",
        "}",
        "{}",
        "[]",
        "{'descr'}",
        "{'descr':}",
        "{'descr': '<f4'}",
        "{'descr': '<f4",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': false, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}"}) {
    SCOPED_TRACE(dict);
    expect_bad(npy_with_header(dict, "abcd"), "the npy header is wrong: ");
  }
}

TEST(NpyHeader, Lengths) {
  const auto whole = npy("<f4", "(1,)", "abcd");
  for (std::size_t size = 0; size < whole.size(); ++size) expect_bad(whole.substr(0, size), "");
  expect_bad("\x93NUMPX" + whole.substr(6), "this is not an npy file");
  auto version = whole;
  version[6] = 4;
  expect_bad(version, "npy version 4.0 is not known");
  // Version 2 has four bytes for the length: 2 GiB, and just over the limit.
  auto longer = npy("<f4", "(1,)", "abcd", 2);
  longer[11] = '\x7f';
  expect_bad(longer, "it claims 2130706548 bytes, the limit is 65524");
}

}  // namespace
}  // namespace ringfeed
