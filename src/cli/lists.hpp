// Options that take several values, with commas between them.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string_view>

namespace ringfeed::cli {

/// Throws Error{kInvalidArgument} for a value with an empty place, as "16,,8" has one: CLI11 passes
/// over it.
void check_places(const CLI::Option& option, std::string_view value);

/// The same for the options of a command, by the words of the command line.
void check_places(const CLI::App& command, std::span<const char* const> words);

}  // namespace ringfeed::cli
