// Which settings are worth a try.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
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

/// What each rank needs, whatever it reads ahead.
struct Needs {
  std::uint64_t floor_bytes = 0;  ///< that hold nothing read ahead
  std::uint64_t least_bytes = 0;  ///< that a feed can be made with
};

/// Lanes and window.
using LanesAndWindow = std::pair<std::uint32_t, std::uint32_t>;

struct SearchOptions {
  Settings start;  ///< the run as it is
  int cores = 1;
  std::uint64_t memory_bytes = 0;  ///< for all ranks
  /// Nothing where these ranks and this order do not fit each other.
  std::function<std::optional<Needs>(const Settings&)> needs;
  /// Orders to choose from beside that of the run.
  std::vector<LanesAndWindow> orders = {};
};

/// The run as it is, and what may be better, the best first: of settings that promise the same
/// those that change the least. The three are unlike each other.
struct Proposals {
  Candidate start;
  std::vector<Candidate> better;  ///< at most three, none when none promises more
};
Proposals search(const Measured& measured, const SearchOptions& options);

}  // namespace ringfeed::tune
