#include "base/byte_order.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/random.hpp"

namespace ringfeed {
namespace {

TEST(ByteOrder, SwapsAnyCountAtAnyAlignment) {
  Random random(11);
  std::string from(1000, '\0');
  for (char& c : from) c = static_cast<char>(random.below(256));
  for (std::size_t count = 0; count < 130; ++count) {
    for (std::size_t at = 0; at < 5; ++at) {
      std::string to(4 * count + 8, 'x');
      swap_4(from.data() + at, count, to.data() + 3);
      for (std::size_t i = 0; i < 4 * count; ++i)
        ASSERT_EQ(to[3 + i], from[at + (i / 4) * 4 + 3 - i % 4]);
      EXPECT_EQ(to.substr(0, 3) + to.substr(4 * count + 3), "xxxxxxxx");
    }
  }
}

}  // namespace
}  // namespace ringfeed
