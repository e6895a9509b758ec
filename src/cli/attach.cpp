// ringfeed attach URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/row_table.hpp>

#include "base/byte_size.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/splits.hpp"

namespace ringfeed::cli {
namespace {

constexpr const char* kAttachHelp =
    "Makes a table of Cassandra with one row per sample usable as it is: reads the keys of all "
    "rows "
    "and\n"
    "writes an index of them to a folder of this machine. Nothing is copied; SELECT is all it "
    "needs.";

constexpr const char* kAttachExamples =
    "Examples:\n"
    "  ringfeed attach cassandra://username@127.0.0.1/mykeyspace/mymodel\n"
    "  ringfeed attach cassandra://127.0.0.1/photos/thumbs --tensor image=pixels:64x64x3:uint8 "
    "--columns pixels,label\n";

struct AttachFlags {
  std::string url;
  std::vector<std::string> tensors;
  std::string digest;
  std::string block_bytes;
  AttachOptions attach;
};

int run_attach(AttachFlags& options, const Command& command) {
  const Output& output = command.output;
  const Url url = Url::parse(options.url);
  if (url.scheme != "cassandra") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': only a table of Cassandra is attached; the form is "
                            "cassandra://[user@]host[:port][,host...]/keyspace/table",
                            options.url));
  }
  for (const auto& tensor : options.tensors)
    options.attach.tensors.push_back(TensorSpec::parse(tensor));
  options.attach.digest_values = options.digest == "values";
  options.attach.block_bytes = parse_bytes(options.block_bytes);
  ConnectionOptions connection = connection_options(command.connection, url, output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  options.attach.stop = interrupt.stop();
  return interrupt.run(output, "interrupted; the table is as attached as before", [&] {
    Progress progress(output.quiet);
    options.attach.progress = [&](const AttachProgress& at) {
      const auto total =
          static_cast<std::uint64_t>(at.share > 0 ? static_cast<double>(at.rows) / at.share : 0);
      progress.update("reading keys", at.rows, total, Unit::kSamples);
    };
    const AttachResult result = attach(url, options.attach, connection);
    progress.finish();
    output.result({{"url", options.url},
                   {"version", result.manifest.version},
                   {"index", result.path},
                   {"splits", splits_json(result.manifest)}},
                  fmt::format("{}: version {}{}\n  index: {}", options.url, result.manifest.version,
                              splits_text(result.manifest), result.path));
    return 0;
  });
}

}  // namespace

void add_attach(CLI::App& program, Command& command) {
  auto options = std::make_shared<AttachFlags>();
  CLI::App* app = command.app = program.add_subcommand("attach", kAttachHelp);
  app->footer(kAttachExamples);
  app->add_option("URL", options->url, "the table")->required();
  app->add_option("--columns", options->attach.columns,
                  "columns of a sample, comma-separated (default: all but the key's)")
      ->delimiter(',');
  app->add_option("--drop", options->attach.drop, "columns to leave out, comma-separated")
      ->delimiter(',');
  app->add_option("--tensor", options->tensors,
                  "NAME=COL:SHAPE:DTYPE makes a tensor of a blob (little-endian, row-major), a "
                  "vector or a list; may be given several times")
      ->allow_extra_args(false);
  app->add_option("--split-column", options->attach.split_column,
                  "column of text that names the split of each row (default: all is train)");
  app->add_option("--digest", options->digest,
                  "what a later change is noticed by: values reads them all now, and notices "
                  "values that were changed in place")
      ->check(CLI::IsMember({"keys", "values"}));
  app->add_flag("--allow-nan", options->attach.allow_nan,
                "NaN and infinity are values like others; without it a row with one is an error");
  app->add_option("--block-bytes", options->block_bytes, "size of a block to aim for");
  add_connection_options(*app, command.connection);
  command.action = [options, &command] { return run_attach(*options, command); };
}

}  // namespace ringfeed::cli
