// Loads libringfeed_train.so, which has the trainer and needs LibTorch.
#pragma once

#include "train/part.hpp"

namespace ringfeed::cli {

/// Loads it on the first call. Throws Error{kInvalidArgument} when it is missing, cannot be loaded,
/// or is of another version.
const TrainPart& load_train_part();

}  // namespace ringfeed::cli
