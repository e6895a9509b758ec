// Reads the blocks of each split in their order, and hands them to the writer of the format.
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/export.hpp>

#include "base/file.hpp"
#include "base/lost_pages.hpp"
#include "base/new_folder.hpp"
#include "base/option.hpp"
#include "dataset/chunk.hpp"
#include "export/split_writer.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;
constexpr std::uint64_t kReadAheadBytes = std::uint64_t{32} << 20;

/// The columns that are asked for.
struct Choice {
  Schema schema;
  ColumnPlaces read;        ///< their places in the data set
  Schema read_schema;       ///< as they are read
  std::vector<int> places;  ///< of each among those
};

Choice choose(const Schema& schema, const std::vector<std::string>& columns) {
  check_each_once("columns", columns);
  Choice choice;
  if (columns.empty()) choice.schema = schema;
  for (const auto& name : columns) choice.schema.columns.push_back(schema.at(name));
  choice.schema.check();
  choice.read = schema.places_of(columns);
  choice.read_schema = schema.only(choice.read);
  for (const auto& column : choice.schema.columns)
    choice.places.push_back(static_cast<int>(choice.read_schema.index_of(column.name)));
  return choice;
}

/// `path` stands for `told_as` until it is published.
std::unique_ptr<SplitWriter> make_writer(ExportFormat format, const std::string& path,
                                         const std::string& told_as, const std::string& split,
                                         const Schema& schema) {
  if (format == ExportFormat::kMds)
    return make_mds_writer({path + "/" + split, told_as + "/" + split}, schema);
  const std::string file = "/" + split + ".parquet";
  return make_parquet_writer({path + file, told_as + file}, schema);
}

std::shared_ptr<arrow::RecordBatch> chosen(const std::shared_ptr<arrow::RecordBatch>& batch,
                                           const Choice& choice,
                                           const std::shared_ptr<arrow::Schema>& schema) {
  arrow::ArrayVector columns;
  for (const auto place : choice.places) columns.push_back(batch->column(place));
  return arrow::RecordBatch::Make(schema, batch->num_rows(), std::move(columns));
}

}  // namespace

ExportFormat export_format_from_name(std::string_view name) {
  if (name == "parquet") return ExportFormat::kParquet;
  if (name == "mds") return ExportFormat::kMds;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} is '{}'; it is parquet or mds", option_name("format"), name));
}

ExportResult export_dataset(std::string_view url, const std::string& folder,
                            const ExportOptions& options, const ConnectionOptions& connection) {
  const auto splits = Dataset::open_splits(url, connection);
  const Choice choice = choose(splits.at(0)->schema(), options.columns);
  const auto schema = choice.schema.to_arrow();
  std::uint64_t total = 0;
  std::vector<std::unique_ptr<BlockReader>> readers;
  for (const auto& split : splits) {
    readers.push_back(split->reader(kReadThreads, choice.read));
    for (const auto& block : readers.back()->blocks()) total += block.bytes;
  }
  ExportResult result{splits[0]->version(), {}, 0};
  NewFolder made(folder);
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const auto& split = splits[i];
    const auto writer =
        make_writer(options.format, made.path(), folder, split->split(), choice.schema);
    const auto of_reader = readers[i]->blocks();
    const std::vector<BlockInfo> blocks(of_reader.begin(), of_reader.end());
    BlocksAhead ahead(std::move(readers[i]), kReadAheadBytes);
    for (const auto& block : blocks) {
      if (options.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
      const LostPages lost;
      const auto batch = gathered(ahead.take().columns(), choice.read_schema);
      writer->write(chosen(batch, choice, schema), block.bytes);
      lost.check();
      done += block.bytes;
      if (options.progress) options.progress(done, total);
    }
    result.bytes += writer->end();
    result.splits.push_back({split->split(), split->size()});
  }
  made.publish();
  return result;
}

}  // namespace ringfeed
