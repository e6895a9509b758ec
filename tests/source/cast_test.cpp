#include "source/cast.hpp"

#include <arrow/util/float16.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace ringfeed {
namespace {

template <typename T>
DType dtype_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::kUInt8;
  if constexpr (std::is_same_v<T, std::int8_t>) return DType::kInt8;
  if constexpr (std::is_same_v<T, std::int16_t>) return DType::kInt16;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::kInt32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::kInt64;
  if constexpr (std::is_same_v<T, float>) return DType::kFloat32;
  if constexpr (std::is_same_v<T, double>) return DType::kFloat64;
}

/// The value, or what is wrong with it in front of an empty value.
template <typename From, typename To>
std::pair<To, std::string> cast(From value) {
  std::pair<To, std::string> result{};
  cast_elements({dtype_of<From>(), reinterpret_cast<const std::uint8_t*>(&value), 0, 1}, 1,
                dtype_of<To>(), reinterpret_cast<std::uint8_t*>(&result.first), 1,
                [&](std::int64_t, std::string what) { result.second = std::move(what); });
  return result;
}

template <typename From, typename To>
void expect_kept(From value) {
  const auto [to, fault] = cast<From, To>(value);
  EXPECT_EQ(to, static_cast<To>(value));
  EXPECT_EQ(fault, "") << value;
}

template <typename From, typename To>
void expect_lost(From value, const std::string& what) {
  EXPECT_EQ((cast<From, To>(value).second), what);
}

TEST(Cast, RangesOfWholeNumbers) {
  expect_kept<std::int64_t, std::uint8_t>(255);
  expect_lost<std::int64_t, std::uint8_t>(300, "300 is out of the range of uint8");
  expect_lost<std::int8_t, std::uint8_t>(-1, "-1 is out of the range of uint8");
  expect_kept<std::int64_t, std::int32_t>(std::numeric_limits<std::int32_t>::min());
  expect_lost<std::int64_t, std::int32_t>(std::int64_t{1} << 31,
                                          "2147483648 is out of the range of int32");
  expect_kept<std::uint8_t, std::int8_t>(127);
  expect_lost<std::uint8_t, std::int8_t>(128, "128 is out of the range of int8");
}

TEST(Cast, FloatsToWholeNumbers) {
  expect_kept<double, std::int64_t>(-3.0);
  expect_lost<double, std::int64_t>(1.5, "1.5 is not a whole number, as int64 needs");
  expect_kept<double, std::int64_t>(-9223372036854775808.0);
  EXPECT_NE((cast<double, std::int64_t>(9223372036854775808.0).second), "");
  expect_kept<double, std::int64_t>(9223372036854774784.0);
  expect_kept<float, std::uint8_t>(255.0F);
  expect_lost<float, std::uint8_t>(256.0F, "256 is out of the range of uint8");
  expect_lost<float, std::uint8_t>(-1.0F, "-1 is out of the range of uint8");
  expect_kept<float, std::int8_t>(-128.0F);
  expect_lost<float, std::int8_t>(128.0F, "128 is out of the range of int8");
}

TEST(Cast, RoundingIsNoLoss) {
  expect_kept<double, float>(0.1);
  expect_kept<std::int64_t, float>(16777217);
  expect_kept<double, float>(1e-60);
  expect_kept<double, float>(3.4028235677973362e38);  // rounds to the largest float
  expect_lost<double, float>(3.4028235677973366e38,
                             "3.4028235677973366e+38 is out of the range of float32");
  expect_lost<double, float>(-1e39, "-1e+39 is out of the range of float32");
}

TEST(Cast, NanAndInfinity) {
  expect_lost<float, double>(std::numeric_limits<float>::quiet_NaN(),
                             "nan is not a finite number (allow_nan admits it)");
  expect_lost<double, std::int32_t>(-HUGE_VAL, "-inf is not a whole number, as int32 needs");
  expect_lost<double, double>(HUGE_VAL, "inf is not a finite number (allow_nan admits it)");
}

TEST(Cast, HalfAndBool) {
  const std::array<float, 4> from = {1, 65504, 65520, 0.1F};
  std::array<std::uint16_t, 4> halves{};
  std::vector<std::string> faults;
  cast_elements({DType::kFloat32, reinterpret_cast<const std::uint8_t*>(from.data()), 0, 4}, 4,
                DType::kFloat16, reinterpret_cast<std::uint8_t*>(halves.data()), 4,
                [&](std::int64_t element, const std::string& what) {
                  faults.push_back(std::to_string(element) + what);
                });
  EXPECT_EQ(faults, std::vector<std::string>{"265520 is out of the range of float16"});
  EXPECT_EQ(halves[0], 0x3C00);
  EXPECT_EQ(halves[3], arrow::util::Float16::FromFloat(0.1F).bits());

  std::array<std::uint8_t, 3> bools{};
  const std::array<std::int16_t, 3> numbers = {1, 0, 2};
  faults.clear();
  cast_elements({DType::kInt16, reinterpret_cast<const std::uint8_t*>(numbers.data()), 0, 3}, 1,
                DType::kBool, bools.data(), 1,
                [&](std::int64_t, const std::string& what) { faults.push_back(what); });
  EXPECT_EQ(faults, std::vector<std::string>{"2 is not a bool (0 or 1)"});
  EXPECT_EQ(bools[0], 1);
  EXPECT_EQ(bools[1], 0);
}

TEST(Cast, BitsAreReadFromWhereTheyStart) {
  const std::uint8_t bits = 0b01011000;
  std::array<float, 4> to{};
  cast_elements({DType::kBool, &bits, 3, 4}, 1, DType::kFloat32,
                reinterpret_cast<std::uint8_t*>(to.data()), 1,
                [](std::int64_t, const std::string& what) { FAIL() << what; });
  EXPECT_EQ(to, (std::array<float, 4>{1, 1, 0, 1}));
}

TEST(Cast, RowsAreSetApart) {
  const std::array<std::int32_t, 4> from = {1, 2, 3, 4};
  std::array<double, 6> to = {-1, -1, -1, -1, -1, -1};
  cast_elements({DType::kInt32, reinterpret_cast<const std::uint8_t*>(from.data()), 0, 4}, 2,
                DType::kFloat64, reinterpret_cast<std::uint8_t*>(to.data()), 3,
                [](std::int64_t, const std::string&) { FAIL(); });
  EXPECT_EQ(to, (std::array<double, 6>{1, 2, -1, 3, 4, -1}));
}

TEST(Cast, CheckFiniteFindsEachInOrder) {
  std::vector<float> values(5000, 1.0F);
  for (const std::size_t place : {0UL, 1023UL, 1024UL, 4999UL}) values[place] = std::nanf("");
  std::vector<std::int64_t> found;
  check_finite({DType::kFloat32, reinterpret_cast<const std::uint8_t*>(values.data()), 0, 5000},
               [&](std::int64_t element, const std::string&) { found.push_back(element); });
  EXPECT_EQ(found, (std::vector<std::int64_t>{0, 1023, 1024, 4999}));
  found.clear();
  check_finite({DType::kFloat32, reinterpret_cast<const std::uint8_t*>(values.data()), 1, 1023},
               [&](std::int64_t element, const std::string&) { found.push_back(element); });
  EXPECT_EQ(found, std::vector<std::int64_t>{1022});
}

}  // namespace
}  // namespace ringfeed
