// From the checkpoints of a run to what all its ranks go on with.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <ringfeed/dataset.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <string>

#include "train/checkpoint.hpp"

namespace ringfeed {

/// What a run goes on with: the same on every rank.
struct Resumed {
  std::string path;         ///< of the checkpoint
  nlohmann::json document;  ///< what it says of the run
  Position position;
  std::string weights;    ///< of a safetensors file
  std::string optimizer;  ///< of torch::save()
  std::string average;    ///< of a safetensors file; empty: there is none
};

/// Of rank 0, which alone reads and writes them.
struct Checkpoints {
  std::optional<CheckpointFolder> folder;
  std::optional<Checkpoint> from;
};

/// Throws Error{kConflict} when there are checkpoints and the run is to start anew; those of
/// Checkpoint::read().
Checkpoints open_checkpoints(const TrainOptions& options);

/// A collective: every rank gets what rank 0 read; nothing where that found none. Throws those of
/// decode_position(), with the checkpoint's path in front.
std::optional<Resumed> resume(ProcessGroup& group, const std::optional<Checkpoint>& from,
                              const Dataset& dataset, const OrderOptions& order);

// JSON has no NaN, which a loss may be: it is text then.
nlohmann::json json_of(double value);
double double_of(const nlohmann::json& json);

}  // namespace ringfeed
