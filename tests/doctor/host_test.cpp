#include "doctor/host.hpp"

#include <gtest/gtest.h>

#include "temp_folder.hpp"

namespace ringfeed::doctor {
namespace {

using testing::TempFolder;

/// A system with so many bytes free, and files of its cgroups.
void write(const TempFolder& root, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    const std::filesystem::path path = root / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
}

TEST(LookAtMemory, ThatOfTheMachine) {
  TempFolder root;
  EXPECT_FALSE(look_at_memory(root.path()));
  write(root, {{"proc/meminfo", "MemTotal: 9 kB\nMemAvailable:     1000 kB\n"}});
  const auto memory = look_at_memory(root.path());
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->bytes_available, 1024'000U);
  EXPECT_EQ(memory->bound_by, "the machine");
}

TEST(LookAtMemory, TheTightestCgroupAboveTheProcess) {
  TempFolder root;
  write(root, {{"proc/meminfo", "MemAvailable: 1000000 kB\n"},
               {"proc/self/cgroup", "0::/a/b\n"},
               {"sys/fs/cgroup/a/b/memory.max", "max\n"},
               {"sys/fs/cgroup/a/b/memory.current", "5\n"},
               {"sys/fs/cgroup/a/memory.max", "1000\n"},
               {"sys/fs/cgroup/a/memory.current", "700\n"},
               {"sys/fs/cgroup/a/memory.stat", "anon 500\ninactive_file 200\n"}});
  const auto memory = look_at_memory(root.path());
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->bytes_available, 500U);
  EXPECT_EQ(memory->bound_by, "cgroup /a");
  write(root, {{"sys/fs/cgroup/memory.max", "100\n"}, {"sys/fs/cgroup/memory.current", "200\n"}});
  EXPECT_EQ(look_at_memory(root.path())->bytes_available, 0U);
}

TEST(LookAtMemory, CgroupsOfVersion1) {
  TempFolder root;
  write(root, {{"proc/meminfo", "MemAvailable: 1000000 kB\n"},
               {"proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n"},
               {"sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4096\n"},
               {"sys/fs/cgroup/memory/x/memory.usage_in_bytes", "96\n"}});
  EXPECT_EQ(look_at_memory(root.path())->bytes_available, 4000U);
}

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
