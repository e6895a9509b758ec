// Whatever fits into memory or does not: what comes out is what went in, sorted.
#include "compare/record_sorter.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <ringfeed/error.hpp>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::TempFolder;

std::vector<std::uint64_t> sorted_by(std::uint64_t memory_bytes, const TempFolder& folder,
                                     const std::vector<std::uint64_t>& records) {
  RecordSorter<std::uint64_t> sorter(memory_bytes, folder.path(), [] {});
  for (const auto record : records) sorter.add(record);
  EXPECT_EQ(sorter.size(), records.size());
  std::vector<std::uint64_t> sorted;
  sorter.visit_sorted([&](std::uint64_t record) { sorted.push_back(record); });
  return sorted;
}

TEST(RecordSorter, GivesWhatWasAddedInOrderWhateverTheMemory) {
  const TempFolder folder;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const std::size_t count : {0, 1, 2, 3, 4, 5, 8, 9, 1000, 20'011}) {
    std::vector<std::uint64_t> records(count);
    for (auto& record : records) record = random() % (count + 1);  // some stand twice
    auto expected = records;
    std::sort(expected.begin(), expected.end());
    // Two records and two runs at a time; some; all.
    for (const std::uint64_t memory : {16, 40, 4096, 1 << 20})
      EXPECT_EQ(sorted_by(memory, folder, records), expected) << count << " in " << memory;
  }
}

TEST(RecordSorter, ItsFilesHaveNoNames) {
  const TempFolder folder;
  RecordSorter<std::uint64_t> sorter(16, folder.path(), [] {});
  for (std::uint64_t i = 0; i < 100; ++i) sorter.add(100 - i);
  sorter.visit_sorted(
      [&](std::uint64_t) { EXPECT_TRUE(std::filesystem::is_empty(folder.path())); });
}

TEST(RecordSorter, AFolderThatIsNotThereIsNamed) {
  RecordSorter<std::uint64_t> sorter(16, "/nowhere/at/all", [] {});
  testing::expect_error(ErrorCode::kNotFound, {"/nowhere/at/all"}, [&] {
    for (std::uint64_t i = 0; i < 3; ++i) sorter.add(i);
  });
}

TEST(RecordSorter, IsAskedWhetherToGoOnWhileItSpillsAndMerges) {
  const TempFolder folder;
  int asked = 0;
  RecordSorter<std::uint64_t> sorter(16, folder.path(), [&] { ++asked; });
  for (std::uint64_t i = 0; i < 100; ++i) sorter.add(i);
  EXPECT_EQ(asked, 49);
  sorter.visit_sorted([](std::uint64_t) {});
  EXPECT_GT(asked, 75);
}

}  // namespace
}  // namespace ringfeed
