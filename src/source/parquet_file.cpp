// Arrow's reader of Parquet, in batches of bounded size.
#include "source/parquet_file.hpp"

#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "dataset/arrow_status.hpp"
#include "source/arrow_types.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

[[noreturn]] void throw_damaged(const std::string& path, std::string_view what) {
  std::string line(what);
  std::replace(line.begin(), line.end(), '\n', ' ');
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: {}; fetch or write the file again", path, line));
}

/// Arrow's Parquet reader answers with a status, but lets some exceptions of the layer below pass.
template <typename Call>
auto checked(const std::string& path, Call&& call) {
  try {
    auto result = call();
    if (!result.ok()) {
      if (result.status().IsOutOfMemory()) throw_arrow(result.status(), path);
      throw_damaged(path, result.status().message());
    }
    return std::move(result).ValueUnsafe();
  } catch (const parquet::ParquetException& error) {
    throw_damaged(path, error.what());
  }
}

void leaves_of(const parquet::arrow::SchemaField& field, std::vector<int>& leaves) {
  if (field.is_leaf()) leaves.push_back(field.column_index);
  for (const auto& child : field.children) leaves_of(child, leaves);
}

}  // namespace

ParquetFile::ParquetFile(const std::string& path) : path_(path) {
  auto source = value_of(arrow::io::ReadableFile::Open(path_), path_);
  file_ = checked(path_, [&]() -> arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> {
    parquet::ReaderProperties properties(&pages_);
    properties.set_page_checksum_verification(true);
    properties.enable_buffered_stream();  // else a whole column chunk is in memory at once
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_pre_buffer(false);
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(std::move(source), properties));
    return builder.properties(arrow_properties)->Build();
  });
  learn_columns();
  learn_size();
}

ParquetFile::~ParquetFile() = default;

void ParquetFile::learn_columns() {
  for (const auto& field : file_->manifest().schema_fields) {
    columns_.push_back(held_column(*field.field));
    types_.push_back(held_type(field.field->type()));
    for (std::size_t i = 0; i + 1 < columns_.size(); ++i) {
      if (columns_[i].spec.name == columns_.back().spec.name) {
        throw_damaged(path_, fmt::format("the column name {} stands twice",
                                         in_quotes(columns_[i].spec.name)));
      }
    }
  }
  if (columns_.empty()) throw_damaged(path_, "there is no column");
  add_class_names(file_->parquet_reader()->metadata()->key_value_metadata().get(), columns_);
}

void ParquetFile::learn_size() {
  const auto metadata = file_->parquet_reader()->metadata();
  samples_ = metadata->num_rows();
  for (int i = 0; i < metadata->num_row_groups(); ++i) {
    const auto group = metadata->RowGroup(i);
    if (group->num_rows() < 1 || group->total_byte_size() < 1) continue;
    const auto bytes = static_cast<std::uint64_t>(group->total_byte_size() / group->num_rows());
    row_bytes_ = std::max(row_bytes_, bytes);
  }
}

/// Of the columns that are read, those that have room for such a page by what the file says; its
/// header alone is false where none has.
void ParquetFile::throw_large_page() const {
  const auto metadata = file_->parquet_reader()->metadata();
  std::vector<std::string> names;
  std::vector<std::string> large;
  for (const auto column : chosen_) {
    names.push_back(in_quotes(columns_[column].spec.name));
    std::vector<int> leaves;
    leaves_of(file_->manifest().schema_fields[column], leaves);
    const bool is_large = std::ranges::any_of(leaves, [&](int leaf) {
      for (int group = 0; group < metadata->num_row_groups(); ++group) {
        const auto chunk = metadata->RowGroup(group)->ColumnChunk(leaf);
        if (chunk->total_uncompressed_size() >= pages_.refused()) return true;
      }
      return false;
    });
    if (is_large) large.push_back(names.back());
  }
  if (large.empty()) large = std::move(names);
  throw Error(
      ErrorCode::kBadData,
      fmt::format("{}: {}: a page of {} bytes, where {} may be held at once; write the file "
                  "with smaller pages (data_page_size), or fetch it again",
                  path_,
                  large.size() == 1 ? "column " + large[0]
                                    : fmt::format("one of the columns {}", listed(large)),
                  pages_.refused(), kPagesBytesMax));
}

void ParquetFile::start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) {
  chosen_ = columns;
  std::vector<int> leaves;
  for (const auto column : columns) leaves_of(file_->manifest().schema_fields[column], leaves);
  std::vector<int> groups(static_cast<std::size_t>(file_->num_row_groups()));
  for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int>(i);
  file_->set_batch_size(batch_rows);
  batches_ = checked(path_, [&] { return file_->GetRecordBatchReader(groups, leaves); });
}

double ParquetFile::share_read() const {
  return samples_ == 0 ? 1 : static_cast<double>(samples_read_) / static_cast<double>(samples_);
}

arrow::ArrayVector ParquetFile::read(RowFaults& /*faults*/) {
  const auto where = fmt::format("{}:{}", path_, samples_read_ + 1);
  std::shared_ptr<arrow::RecordBatch> batch;
  try {
    batch = checked(where, [&] { return batches_->Next(); });
  } catch (const Error&) {
    if (pages_.refused() > 0) throw_large_page();
    throw;
  }
  if (batch == nullptr) {
    if (samples_read_ != samples_) {
      throw_damaged(path_,
                    fmt::format("it claims {} records, but has {}", samples_, samples_read_));
    }
    return {};
  }
  if (static_cast<std::size_t>(batch->num_columns()) != chosen_.size()) {
    throw_damaged(path_, "its columns are not those that it claims");
  }
  arrow::ArrayVector arrays;
  for (std::size_t i = 0; i < chosen_.size(); ++i) {
    const auto& column = batch->column(static_cast<int>(i));
    arrays.push_back(checked(where, [&] { return cast_to_held(column, types_[chosen_[i]]); }));
  }
  // Arrow makes the offsets itself; this sees that the buffers are as long as they must be.
  for (const auto& array : arrays) {
    const auto status = array->Validate();
    if (!status.ok()) throw_damaged(where, status.message());
  }
  samples_read_ += batch->num_rows();
  return arrays;
}

}  // namespace ringfeed
