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
  kNode,       ///< one node of it that is slower than the others
  kBudget,     ///< the bound of what is read ahead, while the store is idle
  kDisk,       ///< the disk of a local data set or a cache
  kCheck,      ///< checking and decoding blocks
  kAssembly,   ///< copying samples into batches
};

/// What limits training there, and in words; `lost`: the seconds that it cost.
struct Finding {
  Limit limit = Limit::kModel;
  int rank = -1;  ///< kRank only
  double lost = 0;
  std::string text = {};
};

/// Of each rank's feed.
struct FeedThreads {
  int read = 1;
  int assemble = 1;
};

Finding find_limit(const TrainInterval& interval, FeedThreads threads);

/// Some intervals in a row that lost a fifth of their time or more to the same.
struct Stall {
  double begin = 0;
  double end = 0;
  Finding finding;
};
std::vector<Stall> find_stalls(std::span<const TrainInterval> intervals, FeedThreads threads);

/// Some intervals in a row as one.
TrainInterval merged(std::span<const TrainInterval> intervals);

}  // namespace ringfeed
