#include "doctor/host.hpp"

#include <gtest/gtest.h>

#include "temp_folder.hpp"

namespace ringfeed::doctor {
namespace {

using testing::TempFolder;

TEST(LookAtFolder, WhatIsNotThereIsJudgedByWhatIsAboveIt) {
  TempFolder temp;
  const auto there = look_at_folder(temp.path());
  EXPECT_TRUE(there.is_there);
  EXPECT_EQ(there.refusal, "");
  ASSERT_TRUE(there.space);
  EXPECT_GT(there.space->bytes_free, 0U);
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
  const auto below = look_at_folder(temp / "a/b/c");
  EXPECT_FALSE(below.is_there);
  EXPECT_EQ(below.refusal, "");
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
  std::ofstream(temp / "file") << "x";
  EXPECT_NE(look_at_folder(temp / "file/cache").refusal, "");
  EXPECT_NE(look_at_folder("/proc/ringfeed").refusal, "");
}

TEST(LookAtHost, HasLimits) {
  const auto facts = look_at_host(std::nullopt, std::nullopt);
  EXPECT_GT(facts.descriptors_max, 0U);
  EXPECT_TRUE(facts.memory_bytes_available);
  EXPECT_FALSE(facts.cache);
}

}  // namespace
}  // namespace ringfeed::doctor
