// Shards are mapped; every offset and length in them is checked before it is used, and what is
// wrong with one sample is its fault alone.
#include "source/mds.hpp"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/folder.hpp"
#include "base/lost_pages.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "source/arrow_types.hpp"
#include "source/bad_records.hpp"
#include "source/file_sequence.hpp"

namespace ringfeed {
namespace {

constexpr const char* kIndexName = "index.json";
constexpr std::uint64_t kNumberBytes = sizeof(std::uint32_t);

std::uint32_t number_of(const char* bytes) noexcept {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

/// Takes the head of an array of one dimension from its bytes; what is wrong, or nothing.
std::string take_head(std::string_view& value, std::uint64_t item_bytes) {
  if (value.empty()) return "the array has no head";
  const auto head = static_cast<unsigned char>(value[0]);
  if (head >> 2 != 1) return fmt::format("the array has {} dimensions, not 1", head >> 2);
  const std::size_t width = std::size_t{1} << (head & 3);
  if (value.size() < 1 + width) return "the array is cut off";
  std::uint64_t length = 0;
  std::memcpy(&length, value.data() + 1, width);
  value.remove_prefix(1 + width);
  if (value.size() % item_bytes != 0 || length != value.size() / item_bytes)
    return fmt::format("the array claims {} elements, and has {} bytes", length, value.size());
  return {};
}

/// Values of one column as they come, for an array of the type that they have in a shard.
class MdsValues {
 public:
  explicit MdsValues(const MdsColumn& column) : column_(column) {}

  void append(std::string_view value) {
    bytes_ += value;
    ends_.push_back(static_cast<std::int32_t>(bytes_.size() / item_bytes()));
  }
  /// Stands where a sample is bad.
  void append_nothing() {
    bytes_.append(column_.sample_bytes, '\0');
    ends_.push_back(static_cast<std::int32_t>(bytes_.size() / item_bytes()));
  }

  std::uint64_t item_bytes() const {
    if (!column_.has_shape) return 1;
    const auto& list = static_cast<const arrow::ListType&>(*column_.type);
    return static_cast<std::uint64_t>(list.value_type()->byte_width());
  }

  std::shared_ptr<arrow::Array> finish() {
    const auto rows = static_cast<std::int64_t>(ends_.size());
    const auto values = arrow::Buffer::FromString(std::move(bytes_));
    const auto plain = [&](const std::shared_ptr<arrow::DataType>& type, std::int64_t count) {
      return arrow::ArrayData::Make(type, count, {nullptr, values}, 0);
    };
    if (column_.type->id() == arrow::Type::FIXED_SIZE_LIST) {
      const auto& list = static_cast<const arrow::FixedSizeListType&>(*column_.type);
      return arrow::MakeArray(arrow::ArrayData::Make(
          column_.type, rows, {nullptr}, {plain(list.value_type(), rows * list.list_size())}, 0));
    }
    if (column_.sample_bytes > 0) return arrow::MakeArray(plain(column_.type, rows));
    ends_.insert(ends_.begin(), 0);
    const std::int64_t items = ends_.back();
    const auto offsets = arrow::Buffer::FromVector(std::move(ends_));
    if (!column_.has_shape) {
      return arrow::MakeArray(
          arrow::ArrayData::Make(column_.type, rows, {nullptr, offsets, values}, 0));
    }
    const auto& list = static_cast<const arrow::ListType&>(*column_.type);
    return arrow::MakeArray(arrow::ArrayData::Make(column_.type, rows, {nullptr, offsets},
                                                   {plain(list.value_type(), items)}, 0));
  }

 private:
  const MdsColumn& column_;
  std::string bytes_;
  std::vector<std::int32_t> ends_;  ///< in items
};

[[noreturn]] void refuse_shard(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kBadData, fmt::format("{}: {}; fetch or write it again", path, what));
}

/// One file.
class MdsShardFile final : public RecordFile {
 public:
  MdsShardFile(const std::string& folder, const MdsShard& shard,
               std::shared_ptr<const MdsIndex> index)
      : path_(Folder(folder).path_of(shard.name)), index_(std::move(index)) {
    file_ = MappedFile::map(Folder(folder).open_to_read(shard.name));
    if (file_->size() != shard.bytes) {
      refuse_shard(path_, fmt::format("it has {} bytes where {} has {}", file_->size(), kIndexName,
                                      shard.bytes));
    }
    const LostPages lost;
    reader_ =
        std::make_unique<MdsShardReader>(path_, index_->columns, file_->bytes(), shard.samples);
    lost.check();
    for (const auto& column : index_->columns) columns_.push_back(column.column);
  }

  const std::string& path() const override { return path_; }
  const std::vector<TypedColumn>& columns() const override { return columns_; }
  std::uint64_t row_bytes() const override {
    return file_->size() / std::max<std::uint64_t>(reader_->samples(), 1);
  }
  void start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) override {
    chosen_ = columns;
    batch_rows_ = batch_rows;
  }
  arrow::ArrayVector read(RowFaults& faults) override {
    const LostPages lost;
    auto arrays = reader_->next(chosen_, batch_rows_, faults);
    lost.check();
    return arrays;
  }
  double share_read() const override {
    return static_cast<double>(reader_->read()) /
           static_cast<double>(std::max<std::uint64_t>(reader_->samples(), 1));
  }

 private:
  const std::string path_;
  const std::shared_ptr<const MdsIndex> index_;
  std::shared_ptr<const MappedFile> file_;
  std::unique_ptr<MdsShardReader> reader_;
  std::vector<TypedColumn> columns_;
  std::vector<std::size_t> chosen_;
  std::int64_t batch_rows_ = 1;
};

}  // namespace

MdsShardReader::MdsShardReader(std::string path, const std::vector<MdsColumn>& columns,
                               std::string_view bytes, std::uint64_t samples)
    : path_(std::move(path)), columns_(columns), bytes_(bytes), samples_(samples) {
  const std::uint64_t head = kNumberBytes * (samples + 2);
  if (bytes_.size() < head) refuse_shard(path_, "it is cut off");
  if (number_at(0) != samples) {
    refuse_shard(
        path_, fmt::format("it has {} samples where {} has {}", number_at(0), kIndexName, samples));
  }
  std::uint64_t before = head;
  for (std::uint64_t i = 0; i <= samples; ++i) {
    const std::uint64_t at = number_at(kNumberBytes * (i + 1));
    if (at < before || at > bytes_.size())
      refuse_shard(path_, fmt::format("sample {} is out of place", i + 1));
    before = at;
  }
}

std::uint32_t MdsShardReader::number_at(std::uint64_t at) const noexcept {
  return number_of(bytes_.data() + at);
}

/// By column; what is wrong, or nothing.
std::string MdsShardReader::values_of(std::string_view sample,
                                      std::vector<std::string_view>& values) const {
  if (sample.size() > kSampleBytesMax) return describe_size(sample.size());
  std::uint64_t varying = 0;
  for (const auto& column : columns_) varying += column.sample_bytes == 0 ? 1 : 0;
  std::uint64_t at = varying * kNumberBytes;
  if (at > sample.size()) return "the sample is cut off";
  const char* length_at = sample.data();
  values.clear();
  for (const auto& column : columns_) {
    std::uint64_t length = column.sample_bytes;
    if (length == 0) {
      length = number_of(length_at);
      length_at += kNumberBytes;
    }
    if (length > sample.size() - at) return "the sample is cut off";
    values.push_back(sample.substr(at, length));
    at += length;
  }
  return at == sample.size() ? "" : "the sample is longer than its columns";
}

arrow::ArrayVector MdsShardReader::next(const std::vector<std::size_t>& chosen,
                                        std::int64_t rows_max, RowFaults& faults) {
  std::vector<MdsValues> columns;
  for (const auto place : chosen) columns.emplace_back(columns_[place]);
  std::vector<std::string_view> values;
  std::int64_t rows = 0;
  for (std::uint64_t bytes = 0; rows < rows_max && read_ < samples_ && bytes < kRecordBatchBytes;
       ++rows, ++read_) {
    const std::uint64_t begin = number_at(kNumberBytes * (read_ + 1));
    const std::uint64_t end = number_at(kNumberBytes * (read_ + 2));
    std::string fault = values_of(bytes_.substr(begin, end - begin), values);
    std::size_t of = 0;
    for (std::size_t i = 0; i < chosen.size() && fault.empty(); ++i) {
      if (!columns_[chosen[i]].has_shape) continue;
      of = i;
      fault = take_head(values[chosen[i]], columns[i].item_bytes());
    }
    for (std::size_t i = 0; i < chosen.size(); ++i)
      fault.empty() ? columns[i].append(values[chosen[i]]) : columns[i].append_nothing();
    if (!fault.empty()) faults.try_emplace(rows, RowFault{of, std::move(fault)});
    bytes += end - begin;
  }
  arrow::ArrayVector arrays;
  if (rows == 0) return arrays;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    arrays.push_back(
        value_of(cast_to_held(columns[i].finish(), held_type(columns_[chosen[i]].type)), path_));
  }
  return arrays;
}

bool is_mds_folder(const std::string& folder) {
  std::error_code ignored;
  return std::filesystem::exists(Folder(folder).path_of(kIndexName), ignored);
}

std::unique_ptr<Source> open_mds(const std::vector<std::string>& folders,
                                 const SourceOptions& options) {
  struct Place {
    std::string folder;
    MdsShard shard;
    std::shared_ptr<const MdsIndex> index;
  };
  std::map<std::string, Place> places;
  std::vector<std::string> paths;
  for (const auto& folder : folders) {
    const Folder below(folder);
    const auto text = below.read_file(kIndexName, kMdsIndexBytesMax);
    const auto index =
        std::make_shared<const MdsIndex>(parse_mds_index(text, below.path_of(kIndexName)));
    for (const auto& shard : index->shards) {
      paths.push_back(below.path_of(shard.name));
      places.emplace(paths.back(), Place{folder, shard, index});
    }
  }
  const auto open = [places = std::move(places)](const std::string& path) {
    const auto& place = places.at(path);
    return std::make_unique<MdsShardFile>(place.folder, place.shard, place.index);
  };
  return make_file_sequence("mds", paths, open, options);
}

}  // namespace ringfeed
