// Trials: short runs of `ringfeed train` in processes of their own, which tell what they measured
// through a file in memory that they inherit.
#pragma once

#include <optional>
#include <ringfeed/launch.hpp>
#include <ringfeed/train.hpp>

namespace ringfeed::cli {

struct TrialRequest {
  Trial trial;
  int descriptor = -1;  ///< where rank 0 writes what came of it
};

/// What a rank that run_trial() started is asked for; nothing in any other process.
std::optional<TrialRequest> trial_of_this_rank();
void report_trial(const TrialRequest& request, const TrainSummary& summary);

/// `launch` starts the ranks of a `ringfeed train`. Of the summary only samples, seconds,
/// cpu_seconds and samples_per_second are filled. Throws what launch_ranks() does.
TrainSummary run_trial(LaunchOptions launch, const Trial& trial);

}  // namespace ringfeed::cli
