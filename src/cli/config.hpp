// --config FILE: options of any command in a TOML file (docs/config.md).
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string_view>

namespace ringfeed::cli {

/// Adds --config to `app`, one of `commands`. What the file says fills the options that the command
/// line leaves open, before it is looked at what is missing. Errors of the file are
/// Error{kInvalidArgument} with its line. `commands` must outlive the parsing.
void add_config_option(CLI::App& app, std::span<CLI::App* const> commands);

}  // namespace ringfeed::cli
