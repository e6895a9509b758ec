// ringfeed audit DIR URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/audit.hpp>
#include <ringfeed/url.hpp>

#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"

namespace ringfeed::cli {
namespace {

constexpr int kNotExact = 3;

struct AuditFlags {
  std::string folder;
  std::string url;
};

std::string text_of(const AuditResult& result) {
  const std::string left_out =
      result.left_out == 0 ? "" : fmt::format("{} left out, ", result.left_out);
  std::string text =
      fmt::format("audit: {}, {} epochs, {} samples, {}{} lost, {} repeated, {} wrong",
                  result.exact() ? "exact" : "not exact", result.epochs, result.samples, left_out,
                  result.lost, result.repeated, result.wrong);
  for (const auto& note : result.notes) text += "\n  " + note;
  for (const auto& offender : result.offenders) text += "\n  " + offender;
  if (result.offences > result.offenders.size())
    text += fmt::format("\n  and {} more", result.offences - result.offenders.size());
  return text;
}

int run_audit(const AuditFlags& options, const Command& command) {
  const Output& output = command.output;
  auto connection = connection_options(command.connection, Url::parse(options.url), output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  return interrupt.run(output, "interrupted", [&] {
    Progress progress(output.quiet);
    AuditOptions audit_options;
    audit_options.stop = interrupt.stop();
    audit_options.progress = [&](std::string_view stage, std::uint64_t done, std::uint64_t total) {
      progress.update(stage, done, total, Unit::kBytes);
    };
    const AuditResult result = audit(options.folder, options.url, audit_options, connection);
    progress.clear();
    output.result({{"exact", result.exact()},
                   {"epochs", result.epochs},
                   {"samples", result.samples},
                   {"left_out", result.left_out},
                   {"lost", result.lost},
                   {"repeated", result.repeated},
                   {"wrong", result.wrong},
                   {"offences", result.offences},
                   {"offenders", result.offenders},
                   {"notes", result.notes}},
                  text_of(result));
    return result.exact() ? 0 : kNotExact;
  });
}

}  // namespace

void add_audit(CLI::App& program, Command& command) {
  auto options = std::make_shared<AuditFlags>();
  command.app = program.add_subcommand(
      "audit",
      "Holds the ledger of a training run against its data set: that each epoch had each sample "
      "once, as it is stored. Ends with 3 and the first offenders when it was not.");
  command.app->footer("Example:\n  ringfeed audit run/ledger digits.ring\n");
  command.app->add_option("DIR", options->folder, "the folder that --ledger named")->required();
  command.app
      ->add_option("URL", options->url,
                   "the data set; without ?version= and ?split= those of the ledger")
      ->required();
  add_connection_options(*command.app, command.connection);
  command.action = [options, &command] { return run_audit(*options, command); };
}

}  // namespace ringfeed::cli
