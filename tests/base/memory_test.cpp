#include "base/memory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

/// A system with so many bytes free, and files of its cgroups.
void write(const TempFolder& root, const std::map<std::string, std::string>& files) {
  for (const auto& [name, text] : files) {
    const std::filesystem::path path = root / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
}

TEST(AvailableMemory, ThatOfTheMachine) {
  TempFolder root;
  EXPECT_FALSE(available_memory(root.path()));
  write(root, {{"proc/meminfo", "MemTotal: 9 kB\nMemAvailable:     1000 kB\n"}});
  const auto memory = available_memory(root.path());
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->bytes_available, 1024'000U);
  EXPECT_EQ(memory->bound_by, "the machine");
}

TEST(AvailableMemory, TheTightestCgroupAboveTheProcess) {
  TempFolder root;
  write(root, {{"proc/meminfo", "MemAvailable: 1000000 kB\n"},
               {"proc/self/cgroup", "0::/a/b\n"},
               {"sys/fs/cgroup/a/b/memory.max", "max\n"},
               {"sys/fs/cgroup/a/b/memory.current", "5\n"},
               {"sys/fs/cgroup/a/memory.max", "1000\n"},
               {"sys/fs/cgroup/a/memory.current", "700\n"},
               {"sys/fs/cgroup/a/memory.stat", "anon 500\ninactive_file 200\n"}});
  const auto memory = available_memory(root.path());
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->bytes_available, 500U);
  EXPECT_EQ(memory->bound_by, "cgroup /a");
  write(root, {{"sys/fs/cgroup/memory.max", "100\n"}, {"sys/fs/cgroup/memory.current", "200\n"}});
  EXPECT_EQ(available_memory(root.path())->bytes_available, 0U);
}

TEST(AvailableMemory, CgroupsOfVersion1) {
  TempFolder root;
  write(root, {{"proc/meminfo", "MemAvailable: 1000000 kB\n"},
               {"proc/self/cgroup", "5:cpu:/x\n4:memory:/x\n"},
               {"sys/fs/cgroup/memory/x/memory.limit_in_bytes", "4096\n"},
               {"sys/fs/cgroup/memory/x/memory.usage_in_bytes", "96\n"}});
  EXPECT_EQ(available_memory(root.path())->bytes_available, 4000U);
}

}  // namespace
}  // namespace ringfeed::testing
