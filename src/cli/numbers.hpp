// Whole numbers on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace ringfeed::cli {

/// Makes each option of the command that takes whole numbers read them as people write them:
/// decimal, zeros in front or not. By itself CLI11 takes 010 for 8, -1 for 2^64 - 1, and clamps
/// what is larger. After all options were added.
void take_decimal_numbers(CLI::App& app);

}  // namespace ringfeed::cli
