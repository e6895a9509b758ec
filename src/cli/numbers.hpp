// Numbers and sizes on the command line.
#pragma once

#include <CLI/CLI.hpp>

namespace ringfeed::cli {

/// Makes each option of the command that takes whole numbers read them as people write them:
/// decimal, zeros in front or not. By itself CLI11 takes 010 for 8, -1 for 2^64 - 1, and clamps
/// what is larger. After all options were added.
void take_decimal_numbers(CLI::App& app);

/// Gives each option of the command its default of options.toml (an option of a connection, which
/// has other sources before it, only says it in the help), and makes it keep its bounds there.
/// What takes text and has bounds is a size. After all options were added.
void follow_table(CLI::App& app);

}  // namespace ringfeed::cli
