// Tuning: measures the stages of a run one by one, says what limits it, and tries what may be
// better. Writes nothing; what trains is handed in, so that neither torch nor processes are in this
// room.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/train.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tune/advice.hpp"
#include "tune/search.hpp"
#include "tune/settings.hpp"
#include "tune/stages.hpp"

namespace ringfeed::tune {

struct TuneOptions {
  std::string url;
  ConnectionOptions connection = {};
  /// Of the run: its order and columns.
  FeedOptions feed = {};
  /// The run as it is. Of bytes and connections 0 is the default; more prefetch_bytes than
  /// memory_bytes are cut to these.
  Settings start = {};
  /// Others would change the order, or find no device.
  bool fixed_ranks = false;
  /// Devices are what computes: one process with all of them is measured, too.
  bool with_data_parallel = false;
  /// Other lanes and windows may be chosen.
  bool tune_order = false;
  std::optional<Replicas> replicas = {};  ///< of a data set in Cassandra
  double seconds = 60;
  std::uint64_t memory_bytes = 0;  ///< for all ranks; 0: half of what is available
  int cores = 0;                   ///< 0: the host's
  /// Trains with these settings.
  std::function<TrainSummary(const Settings&, const Trial&)> train;
  /// Before each measurement.
  std::function<void(std::string_view stage)> progress = [](std::string_view) {};
  std::stop_token stop = {};
  /// Clock by which the time is shared.
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

struct Tried {
  Candidate candidate;
  double samples_per_second = 0;  ///< measured
  double wait_share = 0;          ///< of the training thread's time, for the feed
};

struct TuneResult {
  Measured measured;
  std::uint64_t blocks = 0;        ///< of the data set
  std::uint64_t memory_bytes = 0;  ///< that the feeds of all ranks may hold
  Tried start;
  std::vector<Tried> tries;
  /// Place in tries of what is faster than the start by more than the measurement's noise.
  std::optional<std::size_t> best;
  /// What is no option of this run.
  std::vector<std::string> advice;

  const Tried& chosen() const { return best ? tries[*best] : start; }
};

/// A gain below it is noise.
inline constexpr double kNoise = 0.03;

/// Throws what Dataset::open and Feed do; Error{kInvalidArgument} also when `seconds` are too few
/// (it says how many are needed), the data set has too few steps to be measured, or no memory_bytes
/// are given and the host does not say what is available.
TuneResult tune(const TuneOptions& options);

}  // namespace ringfeed::tune
