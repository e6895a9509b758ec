#include "source/csv_number.hpp"

#include <arrow/util/float16.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.hpp"

namespace ringfeed {
namespace {

template <typename T>
T parsed(std::string_view text, DType dtype) {
  T value{};
  EXPECT_EQ(parse_number(text, dtype, &value), NumberFault::kNone) << text;
  return value;
}

NumberFault fault(std::string_view text, DType dtype) {
  char value[8];
  return parse_number(text, dtype, value);
}

TEST(CsvNumber, WholeNumbersAtTheLimitsOfTheirType) {
  EXPECT_EQ(parsed<std::uint8_t>("255", DType::kUInt8), 255);
  EXPECT_EQ(fault("256", DType::kUInt8), NumberFault::kOutOfRange);
  EXPECT_EQ(fault("-1", DType::kUInt8), NumberFault::kOutOfRange);
  EXPECT_EQ(parsed<std::uint8_t>("-0", DType::kUInt8), 0);
  EXPECT_EQ(parsed<std::int8_t>("-128", DType::kInt8), -128);
  EXPECT_EQ(fault("128", DType::kInt8), NumberFault::kOutOfRange);
  EXPECT_EQ(parsed<std::int16_t>("32767", DType::kInt16), 32767);
  EXPECT_EQ(fault("32768", DType::kInt16), NumberFault::kOutOfRange);
  EXPECT_EQ(parsed<std::int32_t>("-2147483648", DType::kInt32),
            std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(fault("2147483648", DType::kInt32), NumberFault::kOutOfRange);
  EXPECT_EQ(parsed<std::int64_t>("9223372036854775807", DType::kInt64),
            std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(fault("9223372036854775808", DType::kInt64), NumberFault::kOutOfRange);
  EXPECT_EQ(fault("99999999999999999999999", DType::kInt64), NumberFault::kOutOfRange);
}

TEST(CsvNumber, WholeNumbersMayBeWrittenAsFloats) {
  EXPECT_EQ(parsed<std::uint8_t>("5.0", DType::kUInt8), 5);
  EXPECT_EQ(parsed<std::int64_t>("1.300000000000000000e+01", DType::kInt64), 13);
  EXPECT_EQ(parsed<std::int64_t>("2e3", DType::kInt64), 2000);
  EXPECT_EQ(fault("2.5", DType::kInt64), NumberFault::kNotWhole);
  EXPECT_EQ(fault("1e-400", DType::kFloat64), NumberFault::kNone);
  EXPECT_EQ(fault("300.0", DType::kUInt8), NumberFault::kOutOfRange);
  EXPECT_EQ(fault("9007199254740994.0", DType::kInt64),
            NumberFault::kOutOfRange);  // digits could be lost
}

TEST(CsvNumber, FloatsAreTheNearestOfTheirType) {
  EXPECT_EQ(parsed<float>("0.1", DType::kFloat32), 0.1F);
  EXPECT_EQ(parsed<double>("0.1", DType::kFloat64), 0.1);
  EXPECT_EQ(parsed<float>("123456", DType::kFloat32), 123456.0F);
  EXPECT_EQ(parsed<double>("+1.5e3", DType::kFloat64), 1500.0);
  EXPECT_EQ(parsed<double>(" \t-2 ", DType::kFloat64), -2.0);
  EXPECT_EQ(parsed<double>(".5", DType::kFloat64), 0.5);
  EXPECT_EQ(parsed<double>("5.", DType::kFloat64), 5.0);
  // Half a unit above 1 rounds to even; through double first it would round twice.
  EXPECT_EQ(parsed<float>("1.00000005960464477539062500000000001", DType::kFloat32),
            std::nextafter(1.0F, 2.0F));
}

TEST(CsvNumber, SmallGoesToZeroAndLargeIsRefused) {
  EXPECT_EQ(parsed<double>("1e-400", DType::kFloat64), 0.0);
  EXPECT_TRUE(std::signbit(parsed<double>("-0.00001e-400", DType::kFloat64)));
  EXPECT_EQ(parsed<float>("1e-45", DType::kFloat32), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(parsed<float>("1e-60", DType::kFloat32), 0.0F);
  EXPECT_EQ(parsed<double>("4.9e-324", DType::kFloat64), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(fault("1e400", DType::kFloat64), NumberFault::kOutOfRange);
  EXPECT_EQ(fault("-1e+99999999999999999999", DType::kFloat64), NumberFault::kOutOfRange);
  EXPECT_EQ(fault("1e-99999999999999999999", DType::kFloat64), NumberFault::kNone);
  EXPECT_EQ(fault("1e39", DType::kFloat32), NumberFault::kOutOfRange);
  EXPECT_EQ(fault("0." + std::string(50, '0') + "1e100", DType::kFloat32),
            NumberFault::kOutOfRange);
  EXPECT_EQ(fault(std::string(50, '1') + "e-100", DType::kFloat32), NumberFault::kNone);
  EXPECT_EQ(fault("65504", DType::kFloat16), NumberFault::kNone);
  EXPECT_EQ(fault("65520", DType::kFloat16), NumberFault::kOutOfRange);
}

TEST(CsvNumber, Half) {
  using arrow::util::Float16;
  EXPECT_EQ(parsed<std::uint16_t>("0.1", DType::kFloat16), Float16::FromDouble(0.1).bits());
  EXPECT_EQ(parsed<std::uint16_t>("-2", DType::kFloat16), 0xC000);
}

TEST(CsvNumber, Bools) {
  for (const auto* text : {"1", "true", "True", "TRUE", " true "}) {
    EXPECT_EQ(parsed<std::uint8_t>(text, DType::kBool), 1) << text;
  }
  for (const auto* text : {"0", "false", "False", "FALSE"}) {
    EXPECT_EQ(parsed<std::uint8_t>(text, DType::kBool), 0) << text;
  }
  for (const auto* text : {"2", "yes", "t", "-1"})
    EXPECT_EQ(fault(text, DType::kBool), NumberFault::kNotBool) << text;
}

TEST(CsvNumber, WhatIsNoNumber) {
  for (const auto* text :
       {"abc", "1x", "1 2", "0x10", "1e", "--1", "+-1", "-", "+", ".", "1,5", "\xff"}) {
    EXPECT_EQ(fault(text, DType::kFloat32), NumberFault::kNotANumber) << text;
    EXPECT_EQ(fault(text, DType::kInt32), NumberFault::kNotANumber) << text;
  }
  for (const auto* text : {"nan", "NaN", "-nan", "inf", "-Inf", "infinity", "INFINITY", "+inf"}) {
    EXPECT_EQ(fault(text, DType::kFloat32), NumberFault::kNotFinite) << text;
    EXPECT_EQ(fault(text, DType::kFloat16), NumberFault::kNotFinite) << text;
    EXPECT_EQ(fault(text, DType::kInt64), NumberFault::kNotFinite) << text;
  }
  for (const auto dtype :
       {DType::kUInt8, DType::kInt64, DType::kFloat16, DType::kFloat64, DType::kBool}) {
    EXPECT_EQ(fault("", dtype), NumberFault::kEmpty);
    EXPECT_EQ(fault("  ", dtype), NumberFault::kEmpty);
  }
}

TEST(CsvNumber, Kinds) {
  EXPECT_EQ(kind_of(""), TextKind::kEmpty);
  EXPECT_EQ(kind_of(" "), TextKind::kEmpty);
  EXPECT_EQ(kind_of("12"), TextKind::kWhole);
  EXPECT_EQ(kind_of("-9223372036854775808"), TextKind::kWhole);
  EXPECT_EQ(kind_of("9223372036854775808"), TextKind::kWhole);
  EXPECT_EQ(kind_of("1.0"), TextKind::kNumber);
  EXPECT_EQ(kind_of("nan"), TextKind::kNumber);
  EXPECT_EQ(kind_of("1e999"), TextKind::kNumber);
  EXPECT_EQ(kind_of("a"), TextKind::kText);
}

TEST(CsvNumber, WholeNumbersAreNotRoundedWhereNobodyAskedForIt) {
  const auto exact = [](std::string_view text) {
    double value = 0;
    return parser_for_inferred(DType::kFloat64)(text, &value);
  };
  for (const auto* text :
       {"0", "-7", "0.1", "9007199254740992", "-9007199254740992", "+4", "9007199254740994",
        "-9223372036854775808", "9007199254740993.0", "1e300", "18446744073709551616.0"}) {
    EXPECT_EQ(exact(text), NumberFault::kNone) << text;
  }
  for (const auto* text : {"9007199254740993", "-9007199254740993", " 9007199254740993 ",
                           "+9007199254740993", "9223372036854775807", "9223372036854775808",
                           "18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_EQ(exact(text), NumberFault::kNotExact) << text;
    EXPECT_EQ(fault(text, DType::kFloat64), NumberFault::kNone) << text;  // asked for
  }
  EXPECT_EQ(exact("x"), NumberFault::kNotANumber);
  std::int64_t whole = 0;
  EXPECT_EQ(parser_for_inferred(DType::kInt64)("9223372036854775808", &whole),
            NumberFault::kOutOfRange);
}

TEST(CsvNumber, EveryBitPatternComesBack) {
  Random random(7);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = random.next();
    double number = 0;
    std::memcpy(&number, &bits, sizeof(number));
    if (!std::isfinite(number)) continue;
    char text[40];
    std::snprintf(text, sizeof(text), "%.17g", number);
    const auto back = parsed<double>(text, DType::kFloat64);
    ASSERT_EQ(std::memcmp(&back, &number, sizeof(number)), 0) << "seed 7, " << text;
  }
}

TEST(CsvNumber, FaultsSayWhatAndWhere) {
  EXPECT_EQ(describe_fault(NumberFault::kOutOfRange, "x", "300", DType::kUInt8),
            "column 'x': '300' is out of the range of uint8");
  EXPECT_EQ(describe_fault(NumberFault::kNotANumber, "x", "a\nb", DType::kUInt8),
            "column 'x': 'a\\nb' is not a number");
}

}  // namespace
}  // namespace ringfeed
