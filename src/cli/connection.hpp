// The options of the group "Cassandra", which every command that takes a URL has, and where its
// password comes from.
#pragma once

#include <CLI/CLI.hpp>
#include <ringfeed/connection.hpp>
#include <span>
#include <string>

#include "cli/config.hpp"

namespace ringfeed::cli {

struct Output;

struct ConnectionFlags {
  const CLI::App* app = nullptr;
  ConnectionOptions options;
  std::string password_file;
  std::string read_consistency;
  std::string write_consistency;
  std::string in_flight_bytes_per_node;
  std::string index;
  OptionPlaces places;  ///< of what comes from a file of options
  /// The launcher of this rank has read the password, which is in the environment now, and has
  /// printed the warnings.
  bool in_launched_rank = false;
};

/// `flags` must outlive the parsing.
void add_connection_options(CLI::App& app, ConnectionFlags& flags);

/// What the flags say, for a store at `url`. For cassandra:// it is complete: the password file is
/// read, the user was asked when nothing else had a password (`password` is set in these two cases
/// alone), and warnings are printed, each once. Before an Interrupt is made: while it asks, signals
/// must end the program. Throws Error, kInvalidArgument also for a flag beside an address that is
/// not cassandra://.
ConnectionOptions connection_options(const ConnectionFlags& flags, const Url& url,
                                     const Output& output);

/// Throws Error{kInvalidArgument} for a password on the command line, in a flag or an address.
/// Called before anything else looks at the arguments, so that no message can quote it.
void refuse_passwords(std::span<char* const> arguments);

}  // namespace ringfeed::cli
