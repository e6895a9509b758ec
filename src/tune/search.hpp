// Which settings are worth a try.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tune/roofline.hpp"
#include "tune/settings.hpp"
#include "tune/stages.hpp"

namespace ringfeed::tune {

/// Candidates read ahead up to so many times what the run does as it is.
inline constexpr std::uint64_t kReadAheadMax = 4;

struct Candidate {
  Settings settings;
  Prediction prediction;
};

struct SearchOptions {
  Settings start;  ///< the run as it is
  int cores = 1;
  std::uint64_t memory_bytes = 0;  ///< for all ranks
  /// Bytes that so many ranks need each, whatever they read ahead.
  std::function<std::uint64_t(int ranks)> floor_bytes;
};

/// The run as it is, and what may be better, the best first: of settings that promise the same
/// those that change the least. The three are unlike each other.
struct Proposals {
  Candidate start;
  std::vector<Candidate> better;  ///< at most three, none when none promises more
};
Proposals search(const Measured& measured, const SearchOptions& options);

}  // namespace ringfeed::tune
