// Replays the corpora of the fuzz targets: each input once found or thought of stays checked.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "../../fuzz/chunk_fuzz.hpp"
#include "../../fuzz/manifest_fuzz.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

void replay(const std::string& name,
            const std::function<bool(const std::uint8_t*, std::size_t)>& target) {
  int inputs = 0;
  int accepted = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(RINGFEED_SOURCE_DIR "/fuzz/corpus/" + name)) {
    SCOPED_TRACE(entry.path().string());
    const auto bytes = testing::read_all(entry.path());
    const bool valid = target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    // The names of those that must be accepted begin with "valid".
    EXPECT_EQ(valid, entry.path().filename().string().starts_with("valid"));
    ++inputs;
    accepted += valid ? 1 : 0;
  }
  EXPECT_GE(inputs, 8);
  EXPECT_GE(accepted, 2);
}

TEST(Corpus, Chunk) { replay("chunk", fuzz::fuzz_chunk); }
TEST(Corpus, Manifest) { replay("manifest", fuzz::fuzz_manifest); }

}  // namespace
}  // namespace ringfeed
