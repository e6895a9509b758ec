// The golden orders: what docs/ordering.md defines must not change without a new kOrderVersion. The
// files are written by tests/order/write_golden.cpp and read by the second implementation
// (test_ordering.py) as well.
#include "order/golden.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace ringfeed {
namespace {

TEST(GoldenOrder, EveryFileComesOutTheSame) {
  int files = 0;
  const std::filesystem::path folder =
      std::filesystem::path(RINGFEED_SOURCE_DIR) / "tests/order/golden";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(entry.path());
    const auto golden = nlohmann::json::parse(stream);
    EXPECT_EQ(golden_order(case_of_golden(golden)), golden) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 12);
}

}  // namespace
}  // namespace ringfeed
