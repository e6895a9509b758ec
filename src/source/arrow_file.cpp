// Arrow checks the shapes of what it reads, not that offsets are in bounds: that is done here for
// each batch.
#include "source/arrow_file.hpp"

#include <arrow/array.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/folder.hpp"
#include "base/json.hpp"
#include "base/lost_pages.hpp"
#include "dataset/mapped_buffer.hpp"
#include "source/arrow_types.hpp"
#include "source/bad_records.hpp"
#include "source/file_sequence.hpp"

namespace ringfeed {
namespace {

/// What an IPC file begins with, and a stream does not.
constexpr std::string_view kFileMagic = "ARROW1";
/// What Hugging Face's datasets write beside the files of a data set.
constexpr const char* kStateName = "state.json";
constexpr const char* kStateFiles = "_data_files";
constexpr const char* kStateIndices = "_indices_data_files";
constexpr std::uint64_t kStateBytesMax = std::uint64_t{64} << 20;

[[noreturn]] void refuse_damaged(const std::string& path, const arrow::Status& status) {
  std::string what = status.message();
  std::replace(what.begin(), what.end(), '\n', ' ');
  if (status.IsOutOfMemory()) what = "its batches are compressed, or not what they claim";
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: {}; write the file again, without compression", path, what));
}

template <typename T>
T taken(arrow::Result<T> result, const std::string& path) {
  if (!result.ok()) refuse_damaged(path, result.status());
  return std::move(result).ValueUnsafe();
}

}  // namespace

/// The batches of either kind of file, one after the other.
class ArrowFile::Batches {
 public:
  Batches(const std::shared_ptr<const MappedFile>& file, const std::string& path)
      : path_(path),
        bytes_(static_cast<double>(file->size())),
        input_(std::make_shared<MappedBuffer>(file, 0, file->size())) {
    auto options = arrow::ipc::IpcReadOptions::Defaults();
    options.use_threads = false;
    options.memory_pool = &no_memory_;
    if (file->bytes().starts_with(kFileMagic)) {
      file_ = taken(arrow::ipc::RecordBatchFileReader::Open(&input_, options), path_);
    } else {
      stream_ = taken(arrow::ipc::RecordBatchStreamReader::Open(&input_, options), path_);
    }
  }

  std::shared_ptr<arrow::Schema> schema() const {
    return file_ ? file_->schema() : stream_->schema();
  }

  /// Null at the end.
  std::shared_ptr<arrow::RecordBatch> next() {
    if (file_ && read_ == file_->num_record_batches()) return nullptr;
    auto batch = taken(file_ ? file_->ReadRecordBatch(read_) : stream_->Next(), path_);
    if (batch == nullptr) return nullptr;
    if (const auto status = batch->ValidateFull(); !status.ok()) refuse_damaged(path_, status);
    ++read_;
    return batch;
  }

  double share_read() const {
    if (file_) return static_cast<double>(read_) / std::max(file_->num_record_batches(), 1);
    return static_cast<double>(input_.Tell().ValueOr(0)) / bytes_;
  }

 private:
  const std::string path_;
  const double bytes_;
  arrow::CappedMemoryPool no_memory_{arrow::default_memory_pool(), 0};
  arrow::io::BufferReader input_;
  std::shared_ptr<arrow::ipc::RecordBatchFileReader> file_;
  std::shared_ptr<arrow::ipc::RecordBatchStreamReader> stream_;
  int read_ = 0;
};

ArrowFile::ArrowFile(const std::string& path) : path_(path), file_(MappedFile::map(path)) {
  const LostPages lost;
  batches_ = std::make_unique<Batches>(file_, path_);
  for (const auto& field : batches_->schema()->fields()) {
    columns_.push_back(held_column(*field));
    types_.push_back(held_type(field->type()));
    for (std::size_t i = 0; i + 1 < columns_.size(); ++i) {
      if (columns_[i].spec.name != columns_.back().spec.name) continue;
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: the column name {} stands twice; rename one", path_,
                              in_quotes(columns_[i].spec.name)));
    }
  }
  if (columns_.empty())
    throw Error(ErrorCode::kBadData, path_ + ": there is no column; write the file again");
  add_class_names(batches_->schema()->metadata().get(), columns_);
  current_ = batches_->next();
  if (current_ != nullptr && current_->num_rows() > 0)
    row_bytes_ = file_->size() / static_cast<std::uint64_t>(current_->num_rows());
  lost.check();
}

ArrowFile::~ArrowFile() = default;

void ArrowFile::start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) {
  chosen_ = columns;
  batch_rows_ = batch_rows;
}

arrow::ArrayVector ArrowFile::read(RowFaults& /*faults*/) {
  const LostPages lost;
  while (current_ != nullptr && row_ == current_->num_rows()) {
    current_ = batches_->next();
    row_ = 0;
  }
  if (current_ == nullptr) return {};
  const auto slice = current_->Slice(row_, batch_rows_);
  arrow::ArrayVector arrays;
  for (const auto column : chosen_) {
    arrays.push_back(
        taken(cast_to_held(slice->column(static_cast<int>(column)), types_[column]), path_));
  }
  row_ += slice->num_rows();
  lost.check();
  return arrays;
}

double ArrowFile::share_read() const { return batches_->share_read(); }

std::vector<std::string> saved_files_in(const std::string& folder) {
  const Folder saved(folder);
  const std::string state_path = saved.path_of(kStateName);
  std::error_code ignored;
  if (!std::filesystem::exists(state_path, ignored)) return {};
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: {}; save the data set again", state_path, what));
  };
  std::vector<std::string> files;
  try {
    const auto state = parse_json(saved.read_file(kStateName, kStateBytesMax));
    if (state.contains(kStateIndices) && !state.at(kStateIndices).empty())
      refuse("an index chooses among its rows (_indices_data_files); call flatten_indices()");
    for (const auto& file : state.at(kStateFiles)) {
      const auto& name = file.at("filename").get_ref<const std::string&>();
      saved.open_to_read(name);  // nothing outside, no link
      files.push_back(saved.path_of(name));
    }
  } catch (const nlohmann::json::exception& error) {
    refuse(json_fault(error));
  } catch (const std::invalid_argument& error) {
    refuse(json_fault(error));
  }
  if (files.empty()) refuse("it names no file");
  return files;
}

std::unique_ptr<Source> open_arrow_files(const std::vector<std::string>& files,
                                         const SourceOptions& options) {
  const auto open = [](const std::string& path) { return std::make_unique<ArrowFile>(path); };
  return make_file_sequence("arrow file", files, open, options);
}

}  // namespace ringfeed
