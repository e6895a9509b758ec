// What a run waited for, by what its ranks did.
#pragma once

#include <ringfeed/train.hpp>
#include <span>
#include <string>
#include <vector>

namespace ringfeed {

enum class Limit {
  kModel,      ///< forward, backward, optimizer: what a run is for
  kAllReduce,  ///< the ranks' exchange of gradients
  kRank,       ///< one rank, for which the others wait
  kStore,      ///< blocks of the store
  kCheck,      ///< checking and decoding them
  kAssembly,   ///< copying samples into batches
};

/// What limits training there, and in words; `lost`: the seconds that it cost.
struct Finding {
  Limit limit = Limit::kModel;
  int rank = -1;  ///< kRank only
  double lost = 0;
  std::string text = {};
};

/// `read_threads` and `assemble_threads` of each rank's feed.
Finding find_limit(std::span<const TrainSeconds> ranks, int read_threads, int assemble_threads);

/// Some intervals in a row that lost a fifth of their time or more to the same.
struct Stall {
  double begin = 0;
  double end = 0;
  Finding finding;
};
std::vector<Stall> find_stalls(std::span<const TrainInterval> intervals, int read_threads,
                               int assemble_threads);

/// Some intervals in a row as one.
TrainInterval merged(std::span<const TrainInterval> intervals);

}  // namespace ringfeed
