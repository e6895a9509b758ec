// ringfeed ingest SOURCE... URL
#include <fmt/format.h>

#include <memory>
#include <ringfeed/ingest.hpp>
#include <ringfeed/row_table.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/store.hpp>

#include "base/byte_size.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/progress.hpp"
#include "cli/splits.hpp"

namespace ringfeed::cli {
namespace {

constexpr const char* kIngestHelp =
    "Turns CSV, JSON Lines, Parquet, Arrow, npy or IDX files, the shards of MosaicML Streaming or "
    "WebDataset, or a folder of pictures into a new version of a data set: permuted, split, cut "
    "into "
    "chunks.\n"
    "Killed at any time and run again, it goes on where it was and ends in the same bytes.";

constexpr const char* kIngestExamples =
    "Examples:\n"
    "  ringfeed ingest digits.csv digits.ring --tensor image=f0..f63:8x8:float32 --tensor "
    "label=f64::int64 \\\n"
    "      --split train=0.8,val=0.2 --stratify label\n"
    "  ringfeed ingest t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz mnist.ring --split "
    "train=0.8,val=0.2\n"
    "  ringfeed ingest photos/ photos.ring --split train=0.9,val=0.1    (a folder for each class)\n"
    "  ringfeed ingest flowers.csv flowers.ring --classes species --drop id\n"
    "  ringfeed ingest more.parquet clicks.ring --append\n"
    "  ringfeed ingest val.csv flowers.ring --append --split val=1\n"
    "  ringfeed ingest digits.csv cassandra://127.0.0.1/ml/digits --create-keyspace --replication "
    "simple:3\n";

struct IngestFlags {
  std::vector<std::string> places;  ///< sources, then the URL
  std::vector<std::string> tensors;
  std::vector<std::string> classes;
  std::vector<std::string> types;
  std::string delimiter;
  bool in_order = false;
  std::string split;
  std::string header;
  std::string on_bad;
  std::string verify_images;
  std::string column_groups;
  const CLI::Option* column_groups_given = nullptr;
  std::string chunk_bytes;
  std::string spill_bytes;
  std::string bytes_per_second_max;
  bool create_keyspace = false;
  std::string replication;
  std::string layout;
  SourceOptions source;
  IngestOptions ingest;
};

/// One byte, or "tab"; empty: by the file's name.
char delimiter_of(const std::string& text) {
  if (text.empty()) return '\0';
  if (text == "tab" || text == "\\t") return '\t';
  const bool is_byte = text.size() == 1 && text[0] > ' ' && text[0] != '"' && text[0] != 0x7f;
  if (is_byte || text == "\t" || text == " ") return text[0];
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--delimiter '{}': it is one ASCII character but a quote, or tab", text));
}

std::vector<std::string> split_at(std::string_view text, char mark) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == mark)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// "image,mask+box": {{"image"}, {"mask", "box"}}; "" is no group.
std::vector<std::vector<std::string>> column_groups_of(std::string_view text) {
  std::vector<std::vector<std::string>> groups;
  if (text.empty()) return groups;
  for (const auto& group : split_at(text, ',')) groups.push_back(split_at(group, '+'));
  return groups;
}

std::string summary_text(const std::string& url, const IngestResult& result) {
  const Manifest& manifest = result.manifest;
  std::string text = fmt::format("{}: version {}{}", url, manifest.version,
                                 result.unchanged ? " (unchanged: this was ingested before)" : "");
  if (result.repaired > 0) text += fmt::format(" (repaired: {} were gone)", result.repaired);
  text += splits_text(manifest);
  if (result.rejected > 0) text += fmt::format("\n  {} records rejected", result.rejected);
  return text;
}

nlohmann::json summary_json(const std::string& url, const IngestResult& result) {
  return {{"url", url},
          {"version", result.manifest.version},
          {"unchanged", result.unchanged},
          {"repaired", result.repaired},
          {"rejected", result.rejected},
          {"splits", splits_json(result.manifest)}};
}

int run_ingest(IngestFlags& options, const Command& command) {
  const Output& output = command.output;
  if (options.places.size() < 2) {
    throw Error(ErrorCode::kInvalidArgument,
                "ingest: name at least one SOURCE and the URL of the data set, in this "
                "order; see 'ringfeed ingest --help'");
  }
  const std::string url_text = options.places.back();
  options.places.pop_back();
  const Url url = Url::parse(url_text);
  check_new_name(url);
  for (const auto& tensor : options.tensors)
    options.source.tensors.push_back(TensorSpec::parse(tensor));
  for (const auto& column : options.classes) options.source.classes.push_back({column});
  for (const auto& type : options.types) options.source.types.push_back(parse_type(type));
  options.source.delimiter = delimiter_of(options.delimiter);
  options.ingest.permute = !options.in_order;
  if (!options.split.empty()) options.ingest.splits = parse_splits(options.split);
  if (options.header != "auto")
    options.source.header = options.header == "yes" ? Header::kYes : Header::kNo;
  options.source.on_bad = options.on_bad == "skip" ? OnBad::kSkip : OnBad::kError;
  options.source.verify_images =
      options.verify_images == "full" ? VerifyImages::kFull : VerifyImages::kHeader;
  if (options.column_groups_given->count() > 0)
    options.ingest.column_groups = column_groups_of(options.column_groups);
  options.ingest.chunk_bytes = parse_bytes(options.chunk_bytes);
  options.ingest.spill_bytes = parse_bytes(options.spill_bytes);
  if (!options.bytes_per_second_max.empty())
    options.ingest.bytes_per_second_max = parse_bytes(options.bytes_per_second_max);

  auto connection = connection_options(command.connection, url, output);
  Interrupt interrupt;
  connection.stop = interrupt.stop();
  options.source.stop = interrupt.stop();
  options.ingest.stop = interrupt.stop();
  return interrupt.run(
      output, "interrupted; nothing was published, run the same command again to go on", [&] {
        // Ends its line before an error is printed.
        Progress progress(output.quiet);
        options.ingest.progress = [&](const IngestProgress& at) {
          progress.update(at.stage, at.done, at.total,
                          at.stage == "reading" ? Unit::kBytes : Unit::kSamples);
        };
        const auto open = [&] {
          return options.layout == "rows" ? open_row_store(url, connection)
                                          : open_store(url, connection);
        };
        if (options.ingest.append) take_classes(options.source, *open());
        const auto source = open_source(options.places, options.source);
        if (options.create_keyspace) create_keyspace(url, options.replication, connection);
        const auto store = open();
        const IngestResult result = ingest(*source, *store, options.ingest);
        progress.finish();
        output.result(summary_json(url_text, result), summary_text(url_text, result));
        return 0;
      });
}

}  // namespace

void add_ingest(CLI::App& program, Command& command) {
  auto options = std::make_shared<IngestFlags>();
  CLI::App* app = command.app = program.add_subcommand("ingest", kIngestHelp);
  app->footer(kIngestExamples);
  app->add_option("SOURCE... URL", options->places,
                  "source files (or a folder of Parquet files, of MDS shards, or of Hugging Face's "
                  "save_to_disk()), then the data set: a folder, or "
                  "cassandra://[user@]host[:port][,host...]/keyspace/name")
      ->required();
  app->add_option("--tensor", options->tensors,
                  "NAME=COL[,COL|FIRST..LAST]...:SHAPE:DTYPE packs source columns into one tensor "
                  "column; may be given "
                  "several times; other columns stay as they are. An empty SHAPE is a scalar. A "
                  "column of lists makes one: COL:SHAPE")
      ->allow_extra_args(false);
  auto* columns = app->add_option("--columns", options->source.columns,
                                  "source columns to read, comma-separated, also FIRST..LAST "
                                  "(default: all)")
                      ->delimiter(',');
  app->add_option("--drop", options->source.drop, "source columns to leave out, in the same form")
      ->delimiter(',')
      ->excludes(columns);
  app->add_option("--classes", options->classes,
                  "columns of text or whole numbers that become class numbers, comma-separated; "
                  "the data set keeps their names")
      ->delimiter(',');
  app->add_option("--schema", options->types,
                  "NAME=TYPE,... says what a column is: a dtype, DTYPE:8x8, list<DTYPE>, string or "
                  "binary (default: by what the records show)")
      ->delimiter(',');
  app->add_flag("--allow-nan", options->source.allow_nan,
                "NaN and infinity are values like others; without it a record with one is bad");
  app->add_option("--row-number", options->source.row_number,
                  "name of one more column: the number of the record in the source, from 0");
  app->add_option(
      "--split", options->split,
      "shares of the splits, e.g. train=0.8,val=0.2; without it all is train; of a file "
      "for each split append one after the other, e.g. with val=1");
  app->add_option("--stratify", options->ingest.stratify,
                  "column whose values each split gets in proportion");
  app->add_option("--seed", options->ingest.seed, "seed of the permutation");
  app->add_flag("--no-permute", options->in_order,
                "store samples in the order of the source; each split has its share in a row");
  options->column_groups_given = app->add_option(
      "--column-groups", options->column_groups,
      "columns that are stored apart, to be read alone: groups by commas, columns of "
      "one by +, e.g. image,mask+box; the others are one more, and '' is one of all "
      "(default: one for each column of bytes or of more than 4 KiB a sample, one "
      "for all others)");
  app->add_option("--chunk-bytes", options->chunk_bytes, "size of a chunk to aim for");
  app->add_option("--spill-bytes", options->spill_bytes,
                  "bound of the temporary copy of a CSV, Parquet or gzip source; a longer one is "
                  "permuted in segments");
  app->add_option("--layout", options->layout,
                  "of a data set in Cassandra: packed chunks, or a table with one row per sample")
      ->check(CLI::IsMember({"packed", "rows"}));
  app->add_flag("--append", options->ingest.append,
                "a new version: the newest one's samples, then these");
  app->add_flag(
      "--overwrite", options->ingest.overwrite,
      "a new version of these samples alone, whatever the data set holds; versions before "
      "it stay until they are deleted");
  app->add_option("--delimiter", options->delimiter,
                  "between the fields of a CSV file: a character, or tab (default: a tab in .tsv "
                  "and .tab, else a comma)");
  app->add_option("--header", options->header,
                  "whether the first row of a CSV file names the columns; auto: unless all its "
                  "fields are numbers")
      ->check(CLI::IsMember({"yes", "no", "auto"}));
  app->add_option("--on-bad", options->on_bad,
                  "a bad record ends the run, or is skipped and counted")
      ->check(CLI::IsMember({"error", "skip"}));
  app->add_option("--labels", options->source.labels,
                  "of a folder of pictures: a CSV file whose column file names them; its other "
                  "columns are taken beside each (without it a folder inside is a class)");
  app->add_option(
         "--verify-images", options->verify_images,
         "of a folder of pictures: header (format and size) or full (all is decoded); what "
         "cannot be read is a bad record")
      ->check(CLI::IsMember({"header", "full"}));
  app->add_option("--rejects", options->source.rejects_path,
                  "with --on-bad skip: a file for a line per bad record");
  app->add_option("--max-bytes-per-second", options->bytes_per_second_max,
                  "write no faster, e.g. 50MiB, for a server that others use as well");
  auto* create = app->add_flag("--create-keyspace", options->create_keyspace,
                               "cassandra: make the keyspace unless it is there");
  app->add_option("--replication", options->replication,
                  "of --create-keyspace: 3 (copies in each data centre), dc1:3,dc2:2 or simple:3")
      ->needs(create);
  add_connection_options(*app, command.connection);
  command.action = [options, &command] { return run_ingest(*options, command); };
}

}  // namespace ringfeed::cli
