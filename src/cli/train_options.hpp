// What a run is and how it is computed: the options that `train` and `tune` share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <ringfeed/train.hpp>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace ringfeed::cli {

/// Values without an initializer that says something are set by follow_table().
struct TrainFlags {
  TrainOptions train;
  std::string shuffle;
  std::string tail;
  std::string prefetch_bytes;
  std::vector<std::string> decode;
  std::string cache;
  std::string cache_bytes;
  double weight_decay = 0;
  std::uint64_t batch_size_per_rank = 0;
  int nproc = 0;
  int collective_timeout = 0;
};

/// The data set and its order, the model, and how it is computed. Not what becomes of the results.
void add_train_options(CLI::App& app, TrainFlags& flags);

/// Fills flags.train from the rest, the connection included (connection_options()).
void take_train_flags(const CLI::App& app, TrainFlags& flags, const ConnectionFlags& connection,
                      const Output& output);

}  // namespace ringfeed::cli
