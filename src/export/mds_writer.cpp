// Shards as the writer of MosaicML Streaming lays them out (streaming/base/format/mds): the number
// of samples, where each begins and the last ends, the columns as JSON, then the samples. A sample
// has the lengths of its columns that vary, then their values.
#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "dataset/chunk.hpp"
#include "dataset/sample_bytes.hpp"
#include "export/split_writer.hpp"

namespace ringfeed {
namespace {

/// Its own default: a shard that would grow over it is ended before.
constexpr std::uint64_t kShardBytes = std::uint64_t{1} << 26;
constexpr int kVersion = 2;
/// What a dimension of an array is stored as: uint8, uint16, uint32, in this order.
constexpr std::uint64_t kDimensionsBelow[] = {1U << 8, 1U << 16, std::uint64_t{1} << 32};

void append_number(std::uint64_t value, std::size_t bytes, std::string& to) {
  to.append(reinterpret_cast<const char*>(&value), bytes);
}

/// There is no bool among its types.
std::string_view dtype_of(const ColumnSpec& column) {
  return name_of(column.dtype == DType::kBool ? DType::kUInt8 : column.dtype);
}

std::string encoding_of(const ColumnSpec& column) {
  switch (column.kind) {
    case ColumnKind::kString:
      return "str";
    case ColumnKind::kBinary:
      return "bytes";
    case ColumnKind::kList:
      return fmt::format("ndarray:{}", dtype_of(column));
    case ColumnKind::kTensor:
      break;
  }
  if (!column.shape.empty())
    return fmt::format("ndarray:{}:{}", dtype_of(column), fmt::join(column.shape, ","));
  return column.dtype == DType::kInt64 ? "int" : std::string(dtype_of(column));
}

class MdsWriter final : public SplitWriter {
 public:
  MdsWriter(SplitPath folder, const Schema& schema) : folder_(std::move(folder)), schema_(schema) {
    make_folders(folder_.path);
    for (std::size_t i = 0; i < schema_.columns.size(); ++i) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return schema_.columns[a].name < schema_.columns[b].name;
    });
    nlohmann::json names = nlohmann::json::array();
    nlohmann::json encodings = nlohmann::json::array();
    nlohmann::json sizes = nlohmann::json::array();
    for (const auto place : order_) {
      const auto& column = schema_.columns[place];
      names.push_back(column.name);
      encodings.push_back(encoding_of(column));
      sizes.push_back(column.kind == ColumnKind::kTensor ? nlohmann::json(column.sample_bytes())
                                                         : nlohmann::json());
      if (!column.classes.empty()) classes_[column.name] = column.classes;
    }
    config_ = {{"column_encodings", encodings},
               {"column_names", names},
               {"column_sizes", sizes},
               {"compression", nullptr},
               {"format", "mds"},
               {"hashes", nlohmann::json::array()},
               {"size_limit", kShardBytes},
               {"version", kVersion}};
    config_text_ = config_.dump();
  }

  void write(const std::shared_ptr<arrow::RecordBatch>& batch, std::uint64_t) override {
    const auto views = column_views(*batch, schema_);
    for (std::size_t row = 0; row < static_cast<std::size_t>(batch->num_rows()); ++row) {
      encode(views, row);
      const std::uint64_t head = sizeof(std::uint32_t) * (ends_.size() + 3) + config_text_.size();
      if (!ends_.empty() && head + samples_.size() + sample_.size() > kShardBytes) end_shard();
      samples_ += sample_;
      ends_.push_back(samples_.size());
    }
  }

  std::uint64_t end() override {
    if (!ends_.empty()) end_shard();
    nlohmann::json index = {{"version", kVersion}, {"shards", shards_}};
    if (!classes_.empty()) index["classes"] = classes_;
    write_file("index.json", {index.dump()});
    sync_folder(folder_.path);
    return bytes_;
  }

 private:
  /// The sample's bytes into sample_.
  void encode(const std::vector<ColumnView>& views, std::size_t row) {
    sample_.clear();
    values_.clear();
    for (const auto place : order_) {
      const auto& column = schema_.columns[place];
      const std::size_t before = values_.size();
      if (column.kind == ColumnKind::kList) append_length(views[place], row);
      append_value(column, views[place], row, values_);
      if (column.kind != ColumnKind::kTensor)
        append_number(values_.size() - before, sizeof(std::uint32_t), sample_);
    }
    sample_ += values_;
  }

  /// Of an array of one dimension: how many there are and how each is stored, then its length.
  void append_length(const ColumnView& view, std::size_t row) {
    const auto length = static_cast<std::uint64_t>(view.offsets[row + 1] - view.offsets[row]);
    std::uint64_t size = 0;
    while (length >= kDimensionsBelow[size]) ++size;
    append_number(std::uint64_t{1} << 2 | size, 1, values_);
    append_number(length, std::size_t{1} << size, values_);
  }

  void end_shard() {
    const std::size_t samples = ends_.size();
    std::string head;
    append_number(samples, sizeof(std::uint32_t), head);
    const std::uint64_t begin = sizeof(std::uint32_t) * (samples + 2) + config_text_.size();
    append_number(begin, sizeof(std::uint32_t), head);
    for (const auto end : ends_) append_number(begin + end, sizeof(std::uint32_t), head);
    const std::string name = fmt::format("shard.{:05}.mds", shards_.size());
    nlohmann::json shard = config_;
    shard["samples"] = samples;
    shard["raw_data"] = {{"basename", name},
                         {"bytes", begin + samples_.size()},
                         {"hashes", nlohmann::json::object()}};
    shard["zip_data"] = nullptr;
    write_file(name, {head, config_text_, samples_});
    shards_.push_back(std::move(shard));
    samples_.clear();
    ends_.clear();
  }

  void write_file(const std::string& name, std::initializer_list<std::string_view> pieces) {
    File file = File::create(folder_.path + "/" + name, folder_.told_as + "/" + name);
    for (const auto piece : pieces) {
      file.write(piece);
      bytes_ += piece.size();
    }
    file.sync();
    file.close();
  }

  const SplitPath folder_;
  const Schema schema_;
  std::vector<std::size_t> order_;  ///< places of columns in the schema, by their names
  nlohmann::json config_;
  std::string config_text_;
  nlohmann::json classes_;
  nlohmann::json shards_ = nlohmann::json::array();
  std::uint64_t bytes_ = 0;  ///< written
  // The shard that is filled:
  std::string samples_;
  std::vector<std::uint64_t> ends_;  ///< of each sample
  std::string sample_;
  std::string values_;
};

}  // namespace

std::unique_ptr<SplitWriter> make_mds_writer(const SplitPath& path, const Schema& schema) {
  return std::make_unique<MdsWriter>(path, schema);
}

}  // namespace ringfeed
