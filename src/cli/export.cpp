// ringfeed export URL DEST
#include <fmt/format.h>

#include <memory>
#include <ringfeed/export.hpp>
#include <ringfeed/url.hpp>

#include "base/byte_size.hpp"
#include "base/printable.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"

namespace ringfeed::cli {
namespace {

struct ExportFlags {
  std::string url;
  std::string folder;
  std::string format;
  std::vector<std::string> columns;
};

int run_export(const ExportFlags& flags, const Command& command) {
  const Output& output = command.output;
  ExportOptions options;
  options.format = export_format_from_name(flags.format);
  options.columns = flags.columns;
  auto connection = connection_options(command.connection, Url::parse(flags.url), output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  return interrupt.run(output, "interrupted; nothing was left behind", [&] {
    Progress progress(output.quiet);
    options.stop = interrupt.stop();
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      progress.update("exporting", done, total, Unit::kBytes);
    };
    const ExportResult result = export_dataset(flags.url, flags.folder, options, connection);
    progress.finish();
    nlohmann::json splits = nlohmann::json::object();
    std::string text = fmt::format("{}: version {} of {} as {}, {}", flags.folder, result.version,
                                   printable(flags.url), flags.format, format_bytes(result.bytes));
    for (const auto& split : result.splits) {
      splits[split.split] = split.samples;
      text += fmt::format("\n  {}: {} samples", printable(split.split), split.samples);
    }
    output.result({{"url", flags.url},
                   {"folder", flags.folder},
                   {"format", flags.format},
                   {"version", result.version},
                   {"bytes", result.bytes},
                   {"splits", splits}},
                  text);
    return 0;
  });
}

}  // namespace

void add_export(CLI::App& program, Command& command) {
  auto flags = std::make_shared<ExportFlags>();
  command.app = program.add_subcommand(
      "export",
      "Writes a data set as files that others read, in storage order: Parquet, a file for each "
      "split, or shards of MosaicML Streaming, a folder for each split.");
  command.app->footer(
      "Examples:\n  ringfeed export digits.ring digits-parquet --format parquet\n"
      "  ringfeed export 'digits.ring?split=val&version=1' digits-mds --format mds\n");
  command.app
      ->add_option("URL", flags->url,
                   "the data set; ?split= (default: all), ?version= (default: the newest)")
      ->required();
  command.app
      ->add_option("DEST", flags->folder, "the folder that is made; it must not be there yet")
      ->required();
  command.app->add_option("--format", flags->format, "parquet or mds")->required();
  command.app
      ->add_option("--columns", flags->columns, "the columns that are written (default: all)")
      ->delimiter(',');
  add_connection_options(*command.app, command.connection);
  command.action = [flags, &command] { return run_export(*flags, command); };
}

}  // namespace ringfeed::cli
