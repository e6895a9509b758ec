// Numbers and sizes on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace ringfeed::cli {

/// Makes each option of the command that takes whole numbers read them as people write them:
/// decimal, zeros in front or not. By itself CLI11 takes 010 for 8, -1 for 2^64 - 1, and clamps
/// what is larger. After all options were added.
void take_decimal_numbers(CLI::App& app);

/// Makes each option of the command that has bounds in options.toml keep them, and its help say
/// them. What takes text is a size there. After all options were added.
void keep_bounds(CLI::App& app);

}  // namespace ringfeed::cli
