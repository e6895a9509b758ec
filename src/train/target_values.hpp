// The values of a column over all splits, before training: how many classes of a target there are,
// how many tokens, and whether all can be used.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/torch.hpp>
#include <stop_token>
#include <string>

#include "train/plan.hpp"

namespace ringfeed {

/// From the manifest where it knows the range, else by one pass of which each rank reads its share.
/// Returns the number of classes for cross_entropy, else 0. Throws
/// Error{kInvalidArgument} that names the column and the value (labels below 0 or over kClassesMax;
/// for bce values outside 0 to 1), those of the feed, kCancelled.
std::int64_t check_target_values(const std::shared_ptr<const Dataset>& dataset,
                                 const TrainOptions& options, LossKind loss, ProcessGroup& group);

/// How many ids a column of tokens has, over all splits. Throws those of check_target_values(), and
/// Error{kInvalidArgument} for ids below 0 and over kClassesMax.
std::int64_t count_token_ids(const std::shared_ptr<const Dataset>& dataset,
                             const TrainOptions& options, const std::string& column,
                             ProcessGroup& group);

}  // namespace ringfeed
