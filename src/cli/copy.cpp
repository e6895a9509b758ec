// ringfeed copy URL URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/copy.hpp>
#include <ringfeed/url.hpp>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/splits.hpp"

namespace ringfeed::cli {
namespace {

constexpr const char* kCopyHelp =
    "Copies a version of a data set to another store, and verifies the copy: the same chunks in "
    "the "
    "same order.\n"
    "Killed at any time and run again, it goes on where it was.";

struct CopyFlags {
  std::string from;
  std::string to;
};

int run_copy(const CopyFlags& options, const Command& command) {
  const Url from = Url::parse(options.from);
  const Url to = Url::parse(options.to);
  // The flags are for whichever of the two is in Cassandra.
  const bool from_cassandra = from.scheme == "cassandra";
  auto connection =
      connection_options(command.connection, from_cassandra ? from : to, command.output);
  auto to_connection = from_cassandra && to.scheme == "cassandra"
                           ? connection_options(command.connection, to, command.output)
                           : connection;
  Interrupt interrupt;
  connection.stop = to_connection.stop = interrupt.stop();
  return interrupt.run(command.output, "interrupted; run the same command again to go on", [&] {
    Progress progress(command.output.quiet);
    CopyOptions copy_options;
    copy_options.stop = interrupt.stop();
    copy_options.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
      progress.update(stage, done, total, Unit::kBytes);
    };
    const CopyResult result =
        copy(options.from, options.to, copy_options, connection, to_connection);
    progress.finish();
    command.output.result(
        {{"from", options.from},
         {"url", options.to},
         {"version", result.manifest.version},
         {"unchanged", result.unchanged},
         {"splits", splits_json(result.manifest)}},
        fmt::format("{}: version {}{}{}", options.to, result.manifest.version,
                    result.unchanged ? " (unchanged: it was there already)" : ", verified",
                    splits_text(result.manifest)));
    return 0;
  });
}

}  // namespace

void add_copy(CLI::App& program, Command& command) {
  auto options = std::make_shared<CopyFlags>();
  command.app = program.add_subcommand("copy", kCopyHelp);
  command.app->footer(
      "Examples:\n  ringfeed copy digits.ring cassandra://127.0.0.1/ml/digits\n"
      "  ringfeed copy 'cassandra://127.0.0.1/ml/digits?version=2' /data/digits.ring\n");
  command.app->add_option("FROM", options->from, "the data set; ?version= (default: the newest)")
      ->required();
  command.app->add_option("TO", options->to, "where to; it must not be there yet")->required();
  add_connection_options(*command.app, command.connection);
  command.action = [options, &command] { return run_copy(*options, command); };
}

}  // namespace ringfeed::cli
