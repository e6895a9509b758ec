// Reads the same samples from each file, then projects them.
#include "source/column_source.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <ringfeed/error.hpp>

#include "base/option.hpp"
#include "source/arrays.hpp"
#include "source/bad_records.hpp"
#include "source/input.hpp"
#include "source/projection.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {
namespace {

using Files = std::vector<std::unique_ptr<ColumnFile>>;

std::vector<std::string> paths_of(const Files& files) {
  std::vector<std::string> paths;
  for (const auto& file : files) paths.push_back(file->path());
  return paths;
}

std::vector<TypedColumn> columns_of(const Files& files) {
  std::vector<TypedColumn> columns;
  for (const auto& file : files) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].spec.name != file->spec().name) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} and {}: both would be the column {}; rename one, or ingest the "
                              "second with {} if it holds more samples",
                              files[i]->path(), file->path(), in_quotes(file->spec().name),
                              option_name("append")));
    }
    if (file->samples() != files[0]->samples()) {
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{} has {} samples, but {} has {}; name files that belong together",
                      files[0]->path(), files[0]->samples(), file->path(), file->samples()));
    }
    columns.push_back({file->spec(), {}});
  }
  return columns;
}

class ColumnSource final : public Source {
 public:
  ColumnSource(Files files, const SourceOptions& options)
      : files_(std::move(files)),
        options_(options),
        paths_(paths_of(files_)),
        projection_(paths_[0], columns_of(files_), options),
        bad_(options, paths_),
        batch_rows_(rows_of_batch(projection_.row_bytes(), options.batch_rows)) {}

  const Schema& schema() const override { return projection_.schema(); }

  std::shared_ptr<arrow::RecordBatch> next() override {
    while (ready_.empty()) {
      check_stop(options_.stop);
      const auto rows = std::min(batch_rows_, files_[0]->samples() - done_);
      if (rows == 0) {
        for (const auto column : projection_.used()) files_[column]->check_end();
        bad_.finish();
        return nullptr;
      }
      read(rows);
    }
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  std::string name() const override { return name_of_files(paths_); }
  bool allows_nan() const override { return options_.allow_nan; }
  bool in_place() const override {
    return !projection_.copies() &&
           std::all_of(projection_.used().begin(), projection_.used().end(),
                       [&](std::size_t column) { return files_[column]->in_place(); });
  }

  std::uint64_t fingerprint() override {
    return hash_files(describe("columns", schema(), options_), paths_, options_.stop);
  }

  /// Of the files that are read: all, unless columns are left out.
  std::uint64_t bytes_total() const override {
    std::uint64_t bytes = 0;
    for (const auto column : projection_.used()) bytes += files_[column]->file_bytes();
    return bytes;
  }

  std::uint64_t bytes_read() const override {
    std::uint64_t bytes = 0;
    for (const auto column : projection_.used()) bytes += files_[column]->bytes_read();
    return bytes;
  }

  std::uint64_t rejected() const override { return bad_.count(); }

 private:
  void read(std::int64_t rows) {
    arrow::ArrayVector arrays;
    for (const auto column : projection_.used()) arrays.push_back(files_[column]->read(rows));
    RowFaults faults;
    const auto batch = projection_.project(arrays, rows, done_, faults);
    for (const auto& [row, fault] : faults) {
      bad_.add(files_[projection_.used()[fault.column]]->path(),
               static_cast<std::uint64_t>(done_ + row) + 1, fault.what);
    }
    for (auto& run : good_runs(batch, faults)) ready_.push_back(std::move(run));
    done_ += rows;
  }

  const Files files_;
  const SourceOptions options_;
  const std::vector<std::string> paths_;
  const Projection projection_;
  BadRecords bad_;
  const std::int64_t batch_rows_;
  std::int64_t done_ = 0;
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

}  // namespace

std::unique_ptr<Source> make_column_source(std::vector<std::unique_ptr<ColumnFile>> files,
                                           const SourceOptions& options) {
  return std::make_unique<ColumnSource>(std::move(files), options);
}

}  // namespace ringfeed
