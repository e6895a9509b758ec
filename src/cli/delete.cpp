// ringfeed delete URL
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <ringfeed/maintenance.hpp>
#include <ringfeed/url.hpp>

#include "base/printable.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"

namespace ringfeed::cli {
namespace {

struct DeleteFlags {
  std::string url;
  bool yes = false;
};

/// Asks at the terminal; without one only --yes is an answer.
void confirm(const std::string& what) {
  if (::isatty(0) != 1) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{} would be deleted; say --yes, as there is no terminal to ask at", what));
  }
  std::cerr << fmt::format("delete {}? [y/N] ", printable(what)) << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer != "y" && answer != "yes") throw Error(ErrorCode::kCancelled, "nothing was deleted");
}

int run_delete(const DeleteFlags& options, const Command& command) {
  const auto connection =
      connection_options(command.connection, Url::parse(options.url), command.output);
  const auto versions = removable_versions(options.url, connection);
  if (!options.yes) {
    confirm(fmt::format("version{} {} of {}", versions.size() == 1 ? "" : "s",
                        fmt::join(versions, ", "), options.url));
  }
  Interrupt interrupt;
  return interrupt.run(command.output, "interrupted; run the same command again to go on", [&] {
    remove(options.url, versions, connection, interrupt.stop());
    command.output.result({{"url", options.url}, {"deleted", versions}},
                          fmt::format("{}: deleted version{} {}", options.url,
                                      versions.size() == 1 ? "" : "s", fmt::join(versions, ", ")));
    return 0;
  });
}

}  // namespace

void add_delete(CLI::App& program, Command& command) {
  auto options = std::make_shared<DeleteFlags>();
  command.app = program.add_subcommand(
      "delete",
      "Deletes all versions of a data set (or ?version=N), and the chunks that no other version "
      "needs. Of a row table its index is deleted, and no row.");
  command.app->footer(
      "Examples:\n  ringfeed delete 'digits.ring?version=1'\n"
      "  ringfeed delete cassandra://127.0.0.1/ml/digits --yes\n");
  command.app->add_option("URL", options->url, "the data set")->required();
  command.app->add_flag("--yes", options->yes, "do not ask");
  add_connection_options(*command.app, command.connection);
  command.action = [options, &command] { return run_delete(*options, command); };
}

}  // namespace ringfeed::cli
