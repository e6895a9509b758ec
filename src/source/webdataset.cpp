// Archives are read from their start to their end, plain or gzip; no file of them is written
// anywhere.
#include "source/webdataset.hpp"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ringfeed/error.hpp>
#include <span>

#include "base/hash.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "source/bad_records.hpp"
#include "source/csv_number.hpp"
#include "source/file_sequence.hpp"
#include "source/input.hpp"
#include "source/mapped_column.hpp"
#include "source/npy_header.hpp"
#include "source/record_file.hpp"

namespace ringfeed {
namespace {

constexpr const char* kKeyColumn = "__key__";

/// WebDataset decodes by the last ending: these as a whole number, these as text.
constexpr std::string_view kWholeEndings[] = {"cls",   "cls2", "class", "count",
                                              "index", "inx",  "id"};
constexpr std::string_view kTextEndings[] = {"txt", "text", "transcript", "json", "jsn"};

std::string_view ending_of(std::string_view part) { return part.substr(part.rfind('.') + 1); }

bool is_one_of(std::string_view ending, std::span<const std::string_view> endings) {
  return std::ranges::find(endings, ending) != endings.end();
}

std::optional<std::int64_t> whole_number_of(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const auto begin = std::min(text.find_first_not_of(kSpaces), text.size());
  text.remove_prefix(begin);
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(kSpaces) + 1, text.size()));
  return whole_number_in(text);
}

RawArray array_of(std::string_view bytes) {
  const auto all = std::as_bytes(std::span(bytes));
  return parse_npy_header(all.first(std::min(all.size(), kNpyHeaderBytesMax)), all.size());
}

WebDatasetColumn column_of(const std::string& part, const std::string& bytes) {
  const auto ending = ending_of(part);
  if (is_one_of(ending, kWholeEndings)) return {{part, ColumnKind::kTensor, DType::kInt64, {}}};
  if (is_one_of(ending, kTextEndings)) return {{part, ColumnKind::kString, DType::kUInt8, {}}};
  if (ending != "npy") return {{part, ColumnKind::kBinary, DType::kUInt8, {}}};
  const auto array = array_of(bytes);
  std::vector<std::int64_t> shape = {array.samples};
  shape.insert(shape.end(), array.shape.begin(), array.shape.end());
  return {{part, ColumnKind::kTensor, array.format.dtype, shape}, array};
}

/// Values of one column in the batch that is being filled.
class PartValues {
 public:
  explicit PartValues(const WebDatasetColumn& column) : column_(column) {
    if (column.spec.kind == ColumnKind::kString)
      text_ = std::make_unique<arrow::StringBuilder>();
    else if (column.spec.kind == ColumnKind::kBinary)
      text_ = std::make_unique<arrow::BinaryBuilder>();
  }

  /// What is wrong with the bytes; empty: nothing, and they are appended.
  std::string append(std::string_view bytes) {
    if (text_ != nullptr) {
      check(text_->Append(bytes), "memory for records");
      return {};
    }
    if (column_.array) return append_array(bytes);
    const auto number = whole_number_of(bytes);
    if (!number) return fmt::format("{} is no whole number", in_quotes(bytes));
    check(numbers_.Append(*number), "memory for records");
    return {};
  }

  /// Stands where a sample is bad.
  void append_nothing() {
    if (text_ != nullptr) {
      check(text_->Append(""), "memory for records");
    } else if (column_.array) {
      arrays_.append(bytes_of_array(), '\0');
      ++rows_;
    } else {
      check(numbers_.Append(0), "memory for records");
    }
  }

  std::shared_ptr<arrow::Array> finish() {
    if (text_ != nullptr) return value_of(text_->Finish(), "memory for records");
    if (!column_.array) return value_of(numbers_.Finish(), "memory for records");
    const auto array = decode_column(column_.array->format, column_.spec, rows_,
                                     reinterpret_cast<const std::byte*>(arrays_.data()));
    arrays_.clear();
    rows_ = 0;
    return array;
  }

 private:
  std::size_t bytes_of_array() const {
    return static_cast<std::size_t>(column_.array->samples) * column_.array->sample_bytes;
  }

  std::string append_array(std::string_view bytes) {
    try {
      const auto array = array_of(bytes);
      if (array.format != column_.array->format || array.samples != column_.array->samples ||
          array.shape != column_.array->shape) {
        return "the array is of another dtype or shape than that of the first sample";
      }
      arrays_ += bytes.substr(array.data_offset);
      ++rows_;
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  }

  const WebDatasetColumn& column_;
  std::unique_ptr<arrow::BinaryBuilder> text_;  ///< null: of numbers
  arrow::Int64Builder numbers_;
  std::string arrays_;  ///< as they are in their files
  std::int64_t rows_ = 0;
};

TarReader::Read reader_of(const std::string& path) {
  return [stream = std::make_shared<ByteStream>(path)](std::span<std::byte> space) {
    return stream->read(space);
  };
}

bool leaves_its_folder(std::string_view key) {
  return key.starts_with('/') || fmt::format("/{}/", key).find("/../") != std::string::npos;
}

/// What is known of all shards.
struct WebDatasetShape {
  std::vector<WebDatasetColumn> columns;
  std::unordered_map<std::string, std::size_t> places;  ///< by name
  bool takes_others = false;  ///< whether a part that is no column is passed over
};

class WebDatasetFile final : public RecordFile {
 public:
  WebDatasetFile(std::string path, std::shared_ptr<const WebDatasetShape> shape)
      : path_(std::move(path)), shape_(std::move(shape)) {
    for (const auto& column : shape_->columns) columns_.push_back({column.spec, {}});
  }

  const std::string& path() const override { return path_; }
  const std::vector<TypedColumn>& columns() const override { return columns_; }
  std::uint64_t row_bytes() const override { return 1; }  // read() looks at the bytes

  void start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) override {
    chosen_ = columns;
    batch_rows_ = batch_rows;
    for (const auto place : chosen_) wanted_.insert(shape_->columns[place].spec.name);
    stream_ = std::make_shared<ByteStream>(path_);
    file_bytes_ = check_source_file(path_);
    reader_.emplace(
        path_, [stream = stream_](std::span<std::byte> space) { return stream->read(space); },
        &wanted_);
  }

  arrow::ArrayVector read(RowFaults& faults) override {
    std::vector<PartValues> values;
    values.reserve(chosen_.size());
    for (const auto place : chosen_) values.emplace_back(shape_->columns[place]);
    std::int64_t rows = 0;
    for (std::uint64_t bytes = 0; rows < batch_rows_ && bytes < kRecordBatchBytes; ++rows) {
      const auto sample = reader_->next();
      if (!sample) break;
      for (const auto& part : sample->parts) bytes += part.second.size();
      auto fault = take(*sample, values);
      if (fault.empty()) continue;
      faults.try_emplace(rows,
                         RowFault{0, fmt::format("sample {}: {}", in_quotes(sample->key), fault)});
    }
    arrow::ArrayVector arrays;
    if (rows == 0) return arrays;
    for (auto& column : values) arrays.push_back(column.finish());
    return arrays;
  }

  double share_read() const override {
    return static_cast<double>(stream_->file_bytes_read()) / static_cast<double>(file_bytes_);
  }

 private:
  /// What is wrong with the sample; empty: nothing. It is one row more in any case.
  std::string take(const WebDatasetSample& sample, std::vector<PartValues>& values) const {
    std::vector<const std::string*> found(shape_->columns.size());
    std::string fault = sample.fault;
    found[0] = &sample.key;
    for (const auto& [part, bytes] : sample.parts) {
      const auto place = shape_->places.find(part);
      if (place != shape_->places.end()) {
        found[place->second] = &bytes;
      } else if (fault.empty() && !shape_->takes_others) {
        fault = fmt::format("it has {}, and the first sample has none", in_quotes(part));
      }
    }
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      const auto* const bytes = found[chosen_[i]];
      const auto& name = shape_->columns[chosen_[i]].spec.name;
      if (bytes == nullptr && fault.empty())
        fault = fmt::format("it has no {}, and the first sample has one", in_quotes(name));
      if (fault.empty()) {
        const auto what = values[i].append(*bytes);
        if (what.empty()) continue;
        fault = fmt::format("{}: {}", in_quotes(name), what);
      }
      values[i].append_nothing();
    }
    return fault;
  }

  const std::string path_;
  const std::shared_ptr<const WebDatasetShape> shape_;
  std::vector<TypedColumn> columns_;
  std::vector<std::size_t> chosen_;
  std::unordered_set<std::string> wanted_;
  std::int64_t batch_rows_ = 1;
  std::uint64_t file_bytes_ = 1;
  std::shared_ptr<ByteStream> stream_;
  std::optional<WebDatasetReader> reader_;
};

}  // namespace

std::optional<WebDatasetName> parse_webdataset_name(std::string_view path) {
  const auto file = path.find_last_of('/') + 1;  // npos + 1 is 0
  const auto dot = path.find('.', file);
  if (dot == std::string_view::npos || dot == file) return std::nullopt;
  const auto first = path.substr(0, path.find('/'));
  if (first.size() >= 4 && first.starts_with("__") && first.ends_with("__")) return std::nullopt;
  return WebDatasetName{std::string(path.substr(0, dot)), lower_case(path.substr(dot + 1))};
}

WebDatasetReader::WebDatasetReader(std::string path, TarReader::Read read,
                                   const std::unordered_set<std::string>* wanted)
    : tar_(std::move(path), std::move(read)), wanted_(wanted) {}

bool WebDatasetReader::find_next() {
  found_.reset();
  while (!has_ended_) {
    has_ended_ = !tar_.next();
    if (has_ended_) break;
    found_ = parse_webdataset_name(tar_.name());
    if (found_) return true;
  }
  return false;
}

std::optional<WebDatasetSample> WebDatasetReader::next() {
  if (!found_ && !find_next()) return std::nullopt;
  WebDatasetSample sample{found_->key, {}, {}};
  if (!keys_.insert(hash_bytes(sample.key)).second) {
    sample.fault =
        "its files are not next to each other; sort the archive by name (GNU tar: sort=name)";
  }
  if (sample.fault.empty() && leaves_its_folder(sample.key))
    sample.fault = "a name from '/' or with '..' is none of a sample; archive it by another name";
  std::uint64_t bytes = 0;
  do {
    const auto is_this = [&](const auto& part) { return part.first == found_->part; };
    if (sample.fault.empty() && std::ranges::any_of(sample.parts, is_this))
      sample.fault = fmt::format("{} is there twice", in_quotes(found_->part));
    const bool is_wanted = wanted_ == nullptr || wanted_->contains(found_->part);
    if (is_wanted) bytes += tar_.size();
    if (sample.fault.empty() && bytes > kSampleBytesMax) sample.fault = describe_size(bytes);
    sample.parts.emplace_back(found_->part,
                              is_wanted && sample.fault.empty() ? tar_.take() : std::string());
  } while (find_next() && found_->key == sample.key);
  return sample;
}

std::vector<WebDatasetColumn> columns_of(const WebDatasetSample& sample) {
  std::vector<WebDatasetColumn> columns = {{{kKeyColumn, ColumnKind::kString, DType::kUInt8, {}}}};
  for (const auto& [part, bytes] : sample.parts) columns.push_back(column_of(part, bytes));
  return columns;
}

std::unique_ptr<Source> open_webdataset(const std::vector<std::string>& paths,
                                        const SourceOptions& options) {
  std::optional<WebDatasetSample> first;
  std::string where;
  for (auto path = paths.begin(); !first && path != paths.end(); ++path) {
    check_source_file(where = *path);
    first = WebDatasetReader(where, reader_of(where), nullptr).next();
  }
  if (!first) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: there is no sample in it; name files KEY.ENDING, as 0001.jpg and "
                            "0001.cls",
                            name_of_files(paths)));
  }
  const auto fail = [&](std::string_view what) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the first sample, {}, says what the columns are: {}", where,
                            in_quotes(first->key), what));
  };
  if (!first->fault.empty()) fail(first->fault);
  auto shape = std::make_shared<WebDatasetShape>();
  try {
    shape->columns = columns_of(*first);
  } catch (const Error& error) {
    fail(error.what());
  }
  for (std::size_t i = 0; i < shape->columns.size(); ++i)
    shape->places.emplace(shape->columns[i].spec.name, i);
  shape->takes_others = !options.columns.empty();
  const auto open = [shape](const std::string& path) -> std::unique_ptr<RecordFile> {
    check_source_file(path);
    return std::make_unique<WebDatasetFile>(path, shape);
  };
  return make_file_sequence("webdataset", paths, open, options);
}

}  // namespace ringfeed
