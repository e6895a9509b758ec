// What all commands share: how they are registered, where they print, how they are interrupted.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/connection.hpp"

namespace ringfeed::cli {

/// Results go to stdout, all else to stderr. With --json stdout is JSON lines, the last one the
/// summary.
struct Output {
  bool json = false;
  bool quiet = false;
  bool stdout_is_taken = false;  ///< by something that was asked for there: results are notes

  /// One result: as JSON, or as text (a line or several).
  void result(const nlohmann::json& value, std::string_view text) const;
  /// What was asked for on stdout, as it is.
  void content(std::string_view bytes) const;
  /// A line or several on stderr, not with --quiet.
  void note(std::string_view line) const;
  /// One line on stderr, always.
  void warn(std::string_view line) const;
};

/// A subcommand and what it does. The action's exit code is that of the program; Errors are printed
/// by main().
struct Command {
  CLI::App* app = nullptr;
  Output output;
  ConnectionFlags connection;
  std::vector<std::string> arguments;  ///< of the program, its name first
  std::function<int()> action;
};

/// Adds --json and --quiet.
void add_output_options(CLI::App& app, Output& output);

void add_ingest(CLI::App& program, Command& command);
void add_attach(CLI::App& program, Command& command);
void add_inspect(CLI::App& program, Command& command);
void add_list(CLI::App& program, Command& command);
void add_head(CLI::App& program, Command& command);
void add_view(CLI::App& program, Command& command);
void add_verify(CLI::App& program, Command& command);
void add_check(CLI::App& program, Command& command);
void add_diff(CLI::App& program, Command& command);
void add_export(CLI::App& program, Command& command);
void add_copy(CLI::App& program, Command& command);
void add_delete(CLI::App& program, Command& command);
void add_train(CLI::App& program, Command& command);
void add_tune(CLI::App& program, Command& command);
void add_audit(CLI::App& program, Command& command);
void add_doctor(CLI::App& program, Command& command);

}  // namespace ringfeed::cli
