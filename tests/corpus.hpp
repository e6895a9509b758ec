// Replays the corpora of the fuzz targets: each input once found or thought of stays checked.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "temp_folder.hpp"

namespace ringfeed::testing {

/// The names of those that `target` must accept begin with "valid"; there are at least so many
/// inputs, and accepted ones.
inline void replay_corpus(const std::string& name, int inputs_min, int accepted_min,
                          const std::function<bool(const std::uint8_t*, std::size_t)>& target) {
  int inputs = 0;
  int accepted = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(RINGFEED_SOURCE_DIR "/fuzz/corpus/" + name)) {
    SCOPED_TRACE(entry.path().string());
    const auto bytes = read_all(entry.path());
    const bool valid = target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    EXPECT_EQ(valid, entry.path().filename().string().starts_with("valid"));
    ++inputs;
    accepted += valid ? 1 : 0;
  }
  EXPECT_GE(inputs, inputs_min);
  EXPECT_GE(accepted, accepted_min);
}

}  // namespace ringfeed::testing
