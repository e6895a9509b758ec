// ringfeed inspect URL, ringfeed list URL
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <ringfeed/dataset.hpp>

#include "base/byte_size.hpp"
#include "base/printable.hpp"
#include "cli/command.hpp"
#include "cli/splits.hpp"

namespace ringfeed::cli {
namespace {

/// The first ones by number: "0 cat, 1 dog and 3 more".
std::string listed_classes(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", i, printable(names[i]));
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

int inspect(const std::string& url_text, const Command& command) {
  const Url url = Url::parse(url_text);
  const Output& output = command.output;
  const auto connection = connection_options(command.connection, url, output);
  const auto store = open_store(url, connection);
  const auto versions = store->versions();
  const auto dataset = Dataset::open(url_text, connection);
  const Manifest& manifest = dataset->manifest();

  nlohmann::json columns = nlohmann::json::array();
  std::string text =
      fmt::format("{}: version {} (there {}: {})\ncolumns:", printable(url_text), manifest.version,
                  versions.size() == 1 ? "is" : "are", fmt::join(versions, ", "));
  for (std::size_t i = 0; i < manifest.schema.columns.size(); ++i) {
    const auto& column = manifest.schema.columns[i];
    columns.push_back({{"name", column.name}, {"type", column.type_name()}});
    text += fmt::format("\n  {}: {}", printable(column.name), column.type_name());
    if (const auto range = manifest.range(i)) {
      columns.back()["least"] = range->least;
      columns.back()["most"] = range->most;
      text += fmt::format(", {} to {}", range->least, range->most);
    }
    if (!column.classes.empty()) {
      columns.back()["classes"] = column.classes;
      text += fmt::format(", classes {}", listed_classes(column.classes));
    }
  }
  text += "\nsplits:" + splits_text(manifest);
  const Origin& origin = manifest.origin;
  const std::string order = origin.permutation == "none" ? "in the order of the source"
                                                         : "permuted " + origin.permutation;
  text += fmt::format("\ningest: seed {}, chunks of {}, {}{}", origin.seed,
                      format_bytes(origin.chunk_bytes), order,
                      origin.allow_nan ? ", NaN and infinity allowed" : "");
  output.result({{"url", url_text},
                 {"version", manifest.version},
                 {"versions", versions},
                 {"columns", columns},
                 {"splits", splits_json(manifest)},
                 {"ingest",
                  {{"seed", origin.seed},
                   {"chunk_bytes", origin.chunk_bytes},
                   {"permutation", origin.permutation},
                   {"allow_nan", origin.allow_nan}}}},
                text);
  return 0;
}

int list(const std::string& url_text, const Command& command) {
  const Url place = Url::parse(url_text);
  const Output& output = command.output;
  const auto connection = connection_options(command.connection, place, output);
  nlohmann::json urls = nlohmann::json::array();
  for (const auto& url : list_datasets(place, connection)) {
    urls.push_back(url);
    std::shared_ptr<const Dataset> dataset;
    try {
      dataset = Dataset::open(url, connection);
    } catch (const Error& error) {
      output.result({{"url", url}, {"error", error.what()}},
                    printable(fmt::format("{}  cannot be opened: {}", url, error.what())));
      continue;
    }
    std::uint64_t samples = 0;
    for (const auto& split : dataset->manifest().split_infos()) samples += split.samples;
    const nlohmann::json line = {
        {"url", url}, {"version", dataset->version()}, {"samples", samples}};
    output.result(line, fmt::format("{}  version {}  {} samples", printable(url),
                                    dataset->version(), samples));
  }
  if (output.json) output.result({{"datasets", urls}}, "");
  if (urls.empty()) output.note(fmt::format("no data set under {}", url_text));
  return 0;
}

}  // namespace

void add_inspect(CLI::App& program, Command& command) {
  auto url = std::make_shared<std::string>();
  command.app =
      program.add_subcommand("inspect", "Shows versions, columns, splits and sizes of a data set.");
  command.app->footer(
      "Examples:\n  ringfeed inspect digits.ring\n  ringfeed inspect 'digits.ring?version=1' "
      "--json\n");
  command.app->add_option("URL", *url, "the data set")->required();
  add_connection_options(*command.app, command.connection);
  command.action = [url, &command] { return inspect(*url, command); };
}

void add_list(CLI::App& program, Command& command) {
  auto url = std::make_shared<std::string>(".");
  command.app = program.add_subcommand("list", "Lists the data sets in a folder or keyspace.");
  command.app->footer(
      "Examples:\n  ringfeed list\n  ringfeed list /data\n  ringfeed list "
      "cassandra://127.0.0.1/ml\n");
  command.app->add_option("URL", *url, "the folder or keyspace (default: this folder)");
  add_connection_options(*command.app, command.connection);
  command.action = [url, &command] { return list(*url, command); };
}

}  // namespace ringfeed::cli
