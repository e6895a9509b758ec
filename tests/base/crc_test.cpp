#include "base/crc.hpp"

#include <gtest/gtest.h>

#include <string>

namespace ringfeed {
namespace {

/// The check values of both, and lengths around the eight bytes that are taken at a time (by
/// Python's zlib.crc32).
TEST(Crc, ValuesOfOthers) {
  EXPECT_EQ(crc32("123456789"), 0xcbf43926U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32(""), 0U);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32("1234567"), 0x5003699fU);
  EXPECT_EQ(crc32("12345678"), 0x9ae0daafU);
  EXPECT_EQ(crc32("5678", crc32("1234")), crc32("12345678"));
  EXPECT_EQ(crc32(std::string(1000, '\xff')), 0xe0533230U);
}

}  // namespace
}  // namespace ringfeed
