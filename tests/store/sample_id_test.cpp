// Ids of rows: those of Python's xxhash in the shape of a uuid.
#include "store/rows/sample_id.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "store/rows/column.hpp"

namespace ringfeed::rows {
namespace {

std::string text_of(const std::array<char, 16>& id) {
  return cell_text("uuid", {id.data(), id.size()});
}

TEST(SampleId, GoldenValues) {
  EXPECT_EQ(text_of(sample_id(0, 0)), "e5189a95-99e3-8862-85ea-23ef06e28b2d");
  EXPECT_EQ(text_of(sample_id(0x0123456789abcdef, 42)), "cd3727a6-907c-8321-b200-bbc838883615");
}

TEST(SampleId, DiffersBySampleAndFingerprint) {
  std::set<std::array<char, 16>> ids;
  for (std::uint64_t fingerprint = 0; fingerprint < 10; ++fingerprint) {
    for (std::uint64_t number = 0; number < 1000; ++number)
      EXPECT_TRUE(ids.insert(sample_id(fingerprint, number)).second);
  }
}

}  // namespace
}  // namespace ringfeed::rows
