// The roofline: what a run can do at most, of what each of its stages takes. Knows neither data
// sets nor torch; a test plants the figures.
//
// Stages of one lane follow each other, so that their times add up; lanes run beside each other, so
// that the slowest is the limit; and all share the cores.
#pragma once

#include <span>
#include <string>

namespace ringfeed::tune {

/// What one stage takes for each sample of the run, over all ranks.
struct Stage {
  std::string name;  ///< as it is told to people: "store"
  std::string lane;
  double seconds = 0;      ///< of its lane
  double cpu_seconds = 0;  ///< of the cores of this host
};

struct Prediction {
  double samples_per_second = 0;
  std::string limit;      ///< name of the stage
  bool by_cores = false;  ///< the cores are used up, and `limit` takes most of them
};

/// Throws Error{kInternal} when no stage takes any time.
Prediction predict(std::span<const Stage> stages, int cores);

}  // namespace ringfeed::tune
