// A whole data set as it was written when the format was fixed: what is written today has the same
// bytes, and what was written then is still read. When the format changes on purpose (with a new
// format number), the folder is written anew:
//   rm -r tests/golden/dataset && BUILD/bin/ingest_driver tests/golden/dataset 200 0
#include <gtest/gtest.h>

#include <set>

#include "ingest/memory_source.hpp"
#include "process.hpp"
#include "read_back.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

constexpr const char* kGolden = RINGFEED_SOURCE_DIR "/tests/golden/dataset";

TEST(GoldenDataset, IsWrittenByteForByte) {
  TempFolder temp;
  const auto end = run_program({RINGFEED_INGEST_DRIVER, temp / "set", "200", "0"});
  ASSERT_EQ(end.exit_code, 0) << end.output;
  const auto expected = snapshot(kGolden);
  const auto files = snapshot(temp / "set");
  EXPECT_GT(expected.size(), 4u);
  for (const auto& [name, bytes] : expected) {
    ASSERT_TRUE(files.contains(name)) << name;
    EXPECT_TRUE(files.at(name) == bytes) << name;
  }
  EXPECT_EQ(files.size(), expected.size());
}

TEST(GoldenDataset, IsStillRead) {
  LocalStore store(kGolden);
  ASSERT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  const auto manifest = store.manifest(1);
  store.verify(manifest, nullptr);
  const MemorySource source({});
  std::set<std::int64_t> numbers;
  for (const auto* split : {"train", "val"}) {
    for (const auto& chunk : read_split(store, manifest, split)) {
      for (std::int64_t row = 0; row < chunk->num_rows(); ++row) {
        const auto number = number_of(*chunk, row);
        EXPECT_TRUE(chunk->Slice(row, 1)->Equals(*source.make(number, 1)));
        EXPECT_TRUE(numbers.insert(number).second);
      }
    }
  }
  EXPECT_EQ(numbers.size(), 200u);
}

}  // namespace
}  // namespace ringfeed::testing
