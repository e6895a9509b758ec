// File after file with the same columns.
#include "source/file_sequence.hpp"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <ringfeed/error.hpp>
#include <utility>

#include "source/arrays.hpp"
#include "source/bad_records.hpp"
#include "source/input.hpp"
#include "source/projection.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {
namespace {

std::string type_of(const TypedColumn& column) {
  if (!column.refusal.empty()) return "a type that cannot be held";
  const auto& spec = column.spec;
  if (spec.classes.empty()) return spec.type_name();
  return fmt::format("{} with the classes {}", spec.type_name(), listed(spec.classes));
}

/// Without a difference nothing happens.
void check_same_columns(const RecordFile& first, const RecordFile& other) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: {}; give all files the same columns in the same order",
                            other.path(), what));
  };
  const auto& a = first.columns();
  const auto& b = other.columns();
  if (a.size() != b.size())
    fail(fmt::format("{} columns where {} has {}", b.size(), first.path(), a.size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].spec.name != b[i].spec.name) {
      fail(fmt::format("column {} is {} where {} has {}", i + 1, in_quotes(b[i].spec.name),
                       first.path(), in_quotes(a[i].spec.name)));
    }
    if (!(a[i].spec == b[i].spec) || a[i].refusal.empty() != b[i].refusal.empty()) {
      fail(fmt::format("column {} is {} where {} has {}", in_quotes(b[i].spec.name), type_of(b[i]),
                       first.path(), type_of(a[i])));
    }
  }
}

class FileSequence final : public Source {
 public:
  FileSequence(std::string format, const std::vector<std::string>& paths, OpenRecordFile open,
               const SourceOptions& options)
      : format_(std::move(format)), paths_(paths), open_(std::move(open)), options_(options) {
    for (const auto& path : paths_) file_bytes_.push_back(check_source_file(path));
    // Columns of every file, before anything is read.
    const auto first = open_(paths_[0]);
    auto row_bytes = first->row_bytes();
    for (std::size_t i = 1; i < paths_.size(); ++i) {
      check_stop(options_.stop);
      const auto other = open_(paths_[i]);
      check_same_columns(*first, *other);
      row_bytes = std::max(row_bytes, other->row_bytes());
    }
    projection_.emplace(paths_[0], first->columns(), options_);
    batch_rows_ = rows_of_batch(std::max(row_bytes, projection_->row_bytes()), options_.batch_rows);
    bad_.emplace(options_, paths_);
  }

  const Schema& schema() const override { return projection_->schema(); }

  std::shared_ptr<arrow::RecordBatch> next() override {
    while (ready_.empty()) {
      check_stop(options_.stop);
      if (file_ == nullptr && !open_next()) {
        bad_->finish();
        return nullptr;
      }
      read();
    }
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  std::string name() const override { return name_of_files(paths_); }
  bool allows_nan() const override { return options_.allow_nan; }
  bool in_place() const override { return false; }
  std::uint64_t fingerprint() override {
    return hash_files(describe(format_, schema(), options_), paths_, options_.stop);
  }

  std::uint64_t bytes_total() const override {
    std::uint64_t bytes = 0;
    for (const auto each : file_bytes_) bytes += each;
    return bytes;
  }

  /// In proportion to the records that were read.
  std::uint64_t bytes_read() const override {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < files_opened_; ++i) bytes += file_bytes_[i];
    if (file_ == nullptr) return bytes;
    const auto of_file = file_bytes_[files_opened_ - 1];
    return bytes - of_file +
           static_cast<std::uint64_t>(file_->share_read() * static_cast<double>(of_file));
  }

  std::uint64_t rejected() const override { return bad_->count(); }

 private:
  bool open_next() {
    if (files_opened_ == paths_.size()) return false;
    file_ = open_(paths_[files_opened_]);
    file_->start(projection_->used(), batch_rows_);
    ++files_opened_;
    records_before_ += std::exchange(records_, 0);
    return true;
  }

  void read() {
    RowFaults faults;
    const auto arrays = file_->read(faults);
    if (arrays.empty()) {
      file_.reset();
      return;
    }
    const auto batch =
        projection_->project(arrays, arrays[0]->length(), records_before_ + records_, faults);
    for (const auto& [row, fault] : faults) {
      bad_->add(file_->path(), static_cast<std::uint64_t>(records_ + row) + 1, fault.what);
    }
    for (auto& run : good_runs(batch, faults)) ready_.push_back(std::move(run));
    records_ += batch->num_rows();
  }

  const std::string format_;
  const std::vector<std::string> paths_;
  const OpenRecordFile open_;
  const SourceOptions options_;
  std::vector<std::uint64_t> file_bytes_;
  std::optional<Projection> projection_;
  std::optional<BadRecords> bad_;
  std::int64_t batch_rows_ = 1;
  std::unique_ptr<RecordFile> file_;
  std::size_t files_opened_ = 0;
  std::int64_t records_before_ = 0;  ///< of the files before file_
  std::int64_t records_ = 0;         ///< of file_, read
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

}  // namespace

std::unique_ptr<Source> make_file_sequence(std::string format,
                                           const std::vector<std::string>& paths,
                                           OpenRecordFile open, const SourceOptions& options) {
  return std::make_unique<FileSequence>(std::move(format), paths, std::move(open), options);
}

}  // namespace ringfeed
