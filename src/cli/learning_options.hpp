// How a model learns, beyond loss and optimizer: options of `train` alone.
#pragma once

#include <CLI/CLI.hpp>
#include <ringfeed/train.hpp>

namespace ringfeed::cli {

void add_learning_options(CLI::App& app, TrainOptions& options);

}  // namespace ringfeed::cli
