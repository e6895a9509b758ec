// ringfeed verify URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/maintenance.hpp>
#include <ringfeed/url.hpp>

#include "base/byte_size.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"

namespace ringfeed::cli {
namespace {

int run_verify(const std::string& url_text, bool repair, const Command& command) {
  const Output& output = command.output;
  auto connection = connection_options(command.connection, Url::parse(url_text), output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  return interrupt.run(output, "interrupted", [&] {
    Progress progress(output.quiet);
    VerifyOptions options;
    options.repair = repair;
    options.stop = interrupt.stop();
    options.progress = [&](std::uint64_t version, std::uint64_t done, std::uint64_t total) {
      progress.update(fmt::format("version {}", version), done, total, Unit::kBytes);
    };
    const VerifyResult result = verify(url_text, options, connection);
    progress.finish();
    nlohmann::json json = {
        {"url", url_text}, {"versions", result.versions}, {"bytes", result.bytes}, {"ok", true}};
    std::string text = fmt::format("{}: every byte is as published ({} in {} version{})", url_text,
                                   format_bytes(result.bytes), result.versions.size(),
                                   result.versions.size() == 1 ? "" : "s");
    if (result.not_finite) {
      json["not_finite"] = *result.not_finite;
      text +=
          fmt::format("\n  {} values are NaN or infinite, which was allowed", *result.not_finite);
    }
    output.result(json, text);
    return 0;
  });
}

}  // namespace

void add_verify(CLI::App& program, Command& command) {
  auto url = std::make_shared<std::string>();
  auto repair = std::make_shared<bool>(false);
  command.app = program.add_subcommand("verify",
                                       "Checks every byte of a data set (all versions, or "
                                       "?version=N) against its checksums; the rows "
                                       "of a table against its newest index.");
  command.app->footer("Example:\n  ringfeed verify digits.ring\n");
  command.app->add_option("URL", *url, "the data set")->required();
  command.app->add_flag("--repair", *repair,
                        "of a packed data set in Cassandra: write a sound copy over those that are "
                        "damaged or gone; a chunk without one is removed, and the same ingest puts "
                        "it back");
  add_connection_options(*command.app, command.connection);
  command.action = [url, repair, &command] { return run_verify(*url, *repair, command); };
}

}  // namespace ringfeed::cli
