// --config FILE: options of any command in a TOML file (docs/config.md).
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <span>
#include <string>

namespace ringfeed::cli {

/// Where a file says what an option has got: "run.toml:3".
using OptionPlaces = std::map<const CLI::Option*, std::string>;

/// Adds --config to `app`, one of `commands`. What the file says fills the options that the command
/// line leaves open, before it is looked at what is missing; `places` gets those. Errors of the
/// file are Error{kInvalidArgument} with its line. `commands` and `places` must outlive the
/// parsing.
void add_config_option(CLI::App& app, std::span<CLI::App* const> commands, OptionPlaces& places);

/// The options of a command as such a file: those that were given, and the defaults of the others.
/// What is for one call is not in it.
std::string config_text(const CLI::App& app);

}  // namespace ringfeed::cli
