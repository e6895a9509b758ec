// Columns of a batch by name, and their elements by type.
#include <gtest/gtest.h>

#include <ringfeed/batch.hpp>
#include <string>

#include "errors.hpp"

namespace ringfeed {
namespace {

Column column_of(DType dtype, void* data) {
  Column column;
  column.name = "image";
  column.dtype = dtype;
  column.data = data;
  return column;
}

TEST(Column, GivesItsElementsAsTheTypeOfItsDType) {
  double memory = 0;
  EXPECT_EQ(column_of(DType::kUInt8, &memory).as<const std::uint8_t>(),
            static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kInt8, &memory).as<std::int8_t>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kInt16, &memory).as<std::int16_t>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kInt32, &memory).as<std::int32_t>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kInt64, &memory).as<std::int64_t>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kInt64, &memory).as<long long>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kFloat16, &memory).as<std::uint16_t>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kFloat32, &memory).as<float>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kFloat64, &memory).as<double>(), &memory);
  EXPECT_EQ(column_of(DType::kBool, &memory).as<bool>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kBool, &memory).as<std::uint8_t>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kFloat32, &memory).as<char>(), static_cast<void*>(&memory));
  EXPECT_EQ(column_of(DType::kInt64, &memory).as<std::byte>(), static_cast<void*>(&memory));
}

TEST(Column, RefusesTheTypeOfAnotherDType) {
  const auto error = testing::error_of([] { column_of(DType::kUInt8, nullptr).as<float>(); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(std::string(error.what()),
            "column 'image' holds uint8, and is asked for as float32; ask for its own dtype, or "
            "convert its elements");
  for (const DType dtype : {DType::kInt8, DType::kFloat16, DType::kFloat32, DType::kFloat64})
    EXPECT_THROW(column_of(dtype, nullptr).as<std::uint8_t>(), Error);
  EXPECT_THROW(column_of(DType::kUInt8, nullptr).as<bool>(), Error);
  EXPECT_THROW(column_of(DType::kInt32, nullptr).as<const std::int64_t>(), Error);
}

}  // namespace
}  // namespace ringfeed
