// ringfeed check URL..., ringfeed diff A B
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <ringfeed/compare.hpp>
#include <ringfeed/url.hpp>

#include "base/byte_size.hpp"
#include "base/printable.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"

namespace ringfeed::cli {
namespace {

constexpr int kFound = 3;

struct CompareFlags {
  std::vector<std::string> urls;
  std::vector<std::string> columns;
  std::string memory = "256MiB";
  std::string key;
  bool across_splits = false;
};

std::string text_of(const SplitName& split) {
  return printable(fmt::format("{} {}", split.url, split.split));
}

std::string text_of(const SampleName& sample) {
  return fmt::format("{} {}", text_of(sample.split), sample.number);
}

nlohmann::json json_of(const SplitName& split) {
  return {{"url", split.url}, {"split", split.split}};
}

nlohmann::json json_of(const SampleName& sample) {
  nlohmann::json json = json_of(sample.split);
  json["sample"] = sample.number;
  return json;
}

nlohmann::json json_of(const Overlap& overlap) {
  return {{"a", json_of(overlap.a)}, {"b", json_of(overlap.b)}, {"samples", overlap.samples}};
}

nlohmann::json json_of(const ColumnDifference& column) {
  nlohmann::json json = {{"name", column.name}};
  if (!column.a.empty()) json["a"] = column.a;
  if (!column.b.empty()) json["b"] = column.b;
  return json;
}

nlohmann::json json_of(const std::pair<SampleName, SampleName>& pair) {
  return {{"a", json_of(pair.first)}, {"b", json_of(pair.second)}};
}

nlohmann::json json_of(const DuplicateGroup& group);

template <typename Things>
nlohmann::json json_of_all(const Things& things) {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& thing : things) json.push_back(json_of(thing));
  return json;
}

std::string and_more(std::uint64_t all, std::size_t shown) {
  return all > shown ? fmt::format("\n  and {} more", all - shown) : "";
}

nlohmann::json json_of(const DuplicateGroup& group) {
  return {{"count", group.count}, {"samples", json_of_all(group.samples)}};
}

nlohmann::json json_of(const Duplicates& found) {
  return {{"samples", found.samples},         {"distinct", found.distinct},
          {"groups", found.groups},           {"repeated", found.repeated},
          {"found", found.found()},           {"overlaps", json_of_all(found.overlaps)},
          {"shown", json_of_all(found.shown)}};
}

std::string text_of(const Duplicates& found, bool across_splits) {
  const std::string_view which = across_splits ? " in several splits" : "";
  if (!found.found()) {
    return fmt::format("check: no sample is there twice{}, of {} samples", which, found.samples);
  }
  std::string text = fmt::format("check: {} samples are there several times{}, {} repeated, of {}",
                                 found.groups, which, found.repeated, found.samples);
  for (const auto& overlap : found.overlaps) {
    text += overlap.a == overlap.b
                ? fmt::format("\n  within {}: {}", text_of(overlap.a), overlap.samples)
                : fmt::format("\n  {} and {}: {}", text_of(overlap.a), text_of(overlap.b),
                              overlap.samples);
  }
  text += "\nthe first:";
  for (const auto& group : found.shown) {
    std::vector<std::string> names;
    for (const auto& sample : group.samples) names.push_back(text_of(sample));
    text += fmt::format("\n  {}", fmt::join(names, " = "));
    if (group.count > names.size()) text += fmt::format(" = {} more", group.count - names.size());
  }
  return text + and_more(found.groups, found.shown.size());
}

nlohmann::json json_of(const Differences& found) {
  return {{"same", found.none()},
          {"columns", json_of_all(found.columns)},
          {"compared", found.compared},
          {"samples_a", found.samples_a},
          {"samples_b", found.samples_b},
          {"removed", found.removed},
          {"added", found.added},
          {"changed", found.changed},
          {"moved", found.moved},
          {"first_removed", json_of_all(found.first_removed)},
          {"first_added", json_of_all(found.first_added)},
          {"first_changed", json_of_all(found.first_changed)}};
}

std::string text_of(const ColumnDifference& column) {
  const std::string name = printable(column.name);
  if (column.a.empty()) return fmt::format("\n  column {} added: {}", name, printable(column.b));
  if (column.b.empty()) return fmt::format("\n  column {} removed: {}", name, printable(column.a));
  return fmt::format("\n  column {}: {}, now {}", name, printable(column.a), printable(column.b));
}

std::string text_of(const Differences& found) {
  std::string text =
      fmt::format("diff: {}, {} samples and {}", found.none() ? "the same" : "differ",
                  found.samples_a, found.samples_b);
  for (const auto& column : found.columns) text += text_of(column);
  if (!found.columns.empty()) {
    std::vector<std::string> names;
    for (const auto& name : found.compared) names.push_back(printable(name));
    text += fmt::format("\n  compared: {}", fmt::join(names, ", "));
  }
  if (found.none()) return text;
  text += fmt::format("\n  {} removed, {} added, {} changed, {} moved to another split",
                      found.removed, found.added, found.changed, found.moved);
  for (const auto& sample : found.first_removed) text += "\n  - " + text_of(sample);
  text += and_more(found.removed, found.first_removed.size());
  for (const auto& sample : found.first_added) text += "\n  + " + text_of(sample);
  text += and_more(found.added, found.first_added.size());
  for (const auto& [a, b] : found.first_changed)
    text += fmt::format("\n  ~ {}, now {}", text_of(a), text_of(b));
  return text + and_more(found.changed, found.first_changed.size());
}

CompareOptions compare_options(const CompareFlags& flags, const Interrupt& interrupt,
                               Progress& progress) {
  CompareOptions options;
  options.columns = flags.columns;
  options.memory_bytes = parse_bytes(flags.memory);
  options.stop = interrupt.stop();
  options.progress = [&progress](std::string_view stage, std::uint64_t done, std::uint64_t total) {
    progress.update(stage, done, total, stage == "reading" ? Unit::kBytes : Unit::kSamples);
  };
  return options;
}

int run_check(const CompareFlags& flags, const Command& command) {
  const Output& output = command.output;
  // The flags are for whichever are in Cassandra.
  const auto is_cassandra = [](const std::string& url) {
    return Url::parse(url).scheme == "cassandra";
  };
  const auto first = std::find_if(flags.urls.begin(), flags.urls.end(), is_cassandra);
  const Url reached = Url::parse(first == flags.urls.end() ? flags.urls.front() : *first);
  auto connection = connection_options(command.connection, reached, output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  return interrupt.run(output, "interrupted", [&] {
    Progress progress(output.quiet);
    const auto across = flags.across_splits ? Across::kSplits : Across::kAnything;
    const Duplicates found = find_duplicates(
        flags.urls, across, compare_options(flags, interrupt, progress), connection);
    progress.clear();
    output.result(json_of(found), text_of(found, flags.across_splits));
    return found.found() ? kFound : 0;
  });
}

int run_diff(const CompareFlags& flags, const Command& command) {
  const Output& output = command.output;
  const Url a = Url::parse(flags.urls[0]);
  const Url b = Url::parse(flags.urls[1]);
  // The flags are for whichever of the two is in Cassandra.
  const bool a_cassandra = a.scheme == "cassandra";
  Interrupt interrupt;
  auto connection = connection_options(command.connection, a_cassandra ? a : b, output);
  auto connection_b = a_cassandra && b.scheme == "cassandra"
                          ? connection_options(command.connection, b, output)
                          : connection;
  connection.stop = connection_b.stop = interrupt.stop();
  return interrupt.run(output, "interrupted", [&] {
    Progress progress(output.quiet);
    const Differences found =
        diff(flags.urls[0], flags.urls[1], flags.key, compare_options(flags, interrupt, progress),
             connection, connection_b);
    progress.clear();
    output.result(json_of(found), text_of(found));
    return found.none() ? 0 : kFound;
  });
}

/// What both commands have.
void add_compare_options(CLI::App& app, CompareFlags& flags, const char* columns) {
  app.add_option("--columns", flags.columns, columns)->delimiter(',');
  app.add_option("--memory", flags.memory,
                 "bound of the memory of the sort; what is more is spilled to $TMPDIR")
      ->capture_default_str();
}

}  // namespace

void add_check(CLI::App& program, Command& command) {
  auto flags = std::make_shared<CompareFlags>();
  command.app = program.add_subcommand(
      "check",
      "Finds samples that are there several times, within a split, between splits and between data "
      "sets: by a hash of each sample. Ends with 3 and the first of them when there are any.");
  command.app->footer(
      "Examples:\n  ringfeed check digits.ring\n"
      "  ringfeed check digits.ring --across-splits\n"
      "  ringfeed check digits.ring old.ring?split=train --columns image\n");
  command.app
      ->add_option("URL", flags->urls,
                   "the data sets; ?split= (default: all), ?version= (default: the newest)")
      ->required();
  command.app->add_flag("--across-splits", flags->across_splits,
                        "only samples that are in several splits, or data sets");
  add_compare_options(*command.app, *flags,
                      "the columns that make two samples the same (default: all)");
  add_connection_options(*command.app, command.connection);
  command.action = [flags, &command] { return run_check(*flags, command); };
}

void add_diff(CLI::App& program, Command& command) {
  auto flags = std::make_shared<CompareFlags>();
  flags->urls.resize(2);
  command.app = program.add_subcommand(
      "diff",
      "Tells which samples were added, removed or changed from one data set, or version, to "
      "another: by a hash of each sample, after the columns that differ. Ends with 3 when anything "
      "does.");
  command.app->footer(
      "Examples:\n  ringfeed diff 'digits.ring?version=1' digits.ring\n"
      "  ringfeed diff digits.ring cassandra://127.0.0.1/ml/digits --key id\n");
  command.app->add_option("A", flags->urls[0], "the data set before; ?split=, ?version=")
      ->required();
  command.app->add_option("B", flags->urls[1], "the data set after")->required();
  command.app->add_option("--key", flags->key,
                          "a column whose values are unique: samples with one value are one "
                          "sample, which may have changed");
  add_compare_options(*command.app, *flags,
                      "the columns that are compared (default: all that both have)");
  add_connection_options(*command.app, command.connection);
  command.action = [flags, &command] { return run_diff(*flags, command); };
}

}  // namespace ringfeed::cli
