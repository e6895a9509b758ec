// Training, as far as the program knows it. What needs LibTorch is a library of its own,
// libringfeed_train.so (src/train/library/), loaded when a rank begins to train: loading LibTorch
// takes ten times as long as all else that most commands do.
#pragma once

#include <ringfeed/train.hpp>

namespace ringfeed {

/// What the library offers; see its symbol kTrainPartSymbol.
struct TrainPart {
  const char* version;  ///< of ringfeed; the program loads no other than its own
  TrainSummary (*train)(const TrainOptions& options);
};

/// `extern "C" const TrainPart*` of this name is what the library exports.
inline constexpr const char* kTrainPartSymbol = "ringfeed_train_part";

}  // namespace ringfeed
