// What is whole in memory is taken at once, so that it can be hashed before it is read.
#include "source/arrow_source.hpp"

#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/hash.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "source/arrays.hpp"
#include "source/arrow_types.hpp"
#include "source/bad_records.hpp"
#include "source/input.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {
namespace {

std::vector<TypedColumn> columns_of(const arrow::Schema& schema, const std::string& name) {
  std::vector<TypedColumn> columns;
  for (const auto& field : schema.fields()) {
    for (const auto& column : columns) {
      if (column.spec.name != field->name()) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  name + ": the column name " + in_quotes(field->name()) + " stands twice");
    }
    columns.push_back(held_column(*field));
  }
  if (columns.empty()) throw Error(ErrorCode::kInvalidArgument, name + ": there is no column");
  add_class_names(schema.metadata().get(), columns);
  return columns;
}

/// The values alone: how they are cut into record batches makes no difference.
class ValueHash {
 public:
  explicit ValueHash(const Schema& schema)
      : schema_(schema), values_(schema.columns.size()), lengths_(schema.columns.size()) {}

  void update(const arrow::RecordBatch& batch) {
    const auto rows = static_cast<std::size_t>(batch.num_rows());
    const auto views = column_views(batch, schema_);
    for (std::size_t i = 0; i < views.size(); ++i) update(views[i], i, rows);
  }

  std::uint64_t digest(std::string_view text) const {
    Hasher all;
    all.update(text);
    for (const auto* hashers : {&values_, &lengths_}) {
      for (const auto& hasher : *hashers) {
        const auto hash = hasher.digest();
        all.update(&hash, sizeof hash);
      }
    }
    return all.digest();
  }

 private:
  void update(const ColumnView& view, std::size_t column, std::size_t rows) {
    Hasher& hasher = values_[column];
    std::int64_t first = 0;
    auto count = static_cast<std::int64_t>(rows) * schema_.columns[column].elements();
    if (view.offsets != nullptr) {
      first = view.offsets[0];
      count = view.offsets[rows] - first;
      for (std::size_t row = 0; row < rows; ++row) {
        const std::int32_t length = view.offsets[row + 1] - view.offsets[row];
        lengths_[column].update(&length, sizeof length);
      }
    }
    if (!view.bit_packed) {
      const auto size = view.element_bytes;
      if (count > 0) {
        hasher.update(view.data + static_cast<std::size_t>(first) * size,
                      static_cast<std::size_t>(count) * size);
      }
      return;
    }
    bits_.clear();
    for (std::int64_t bit = view.bit_offset + first; bit < view.bit_offset + first + count; ++bit)
      bits_.push_back(((static_cast<unsigned char>(view.data[bit / 8]) >> (bit % 8)) & 1) != 0);
    hasher.update(bits_);
  }

  const Schema& schema_;
  std::vector<Hasher> values_;   ///< one per column, as is
  std::vector<Hasher> lengths_;  ///< of what varies in length
  std::string bits_;
};

std::uint64_t random_fingerprint() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

class ArrowSource final : public Source {
 public:
  ArrowSource(std::shared_ptr<arrow::RecordBatchReader> reader, Extent extent, std::string name,
              const SourceOptions& options, std::shared_ptr<const BadRows> bad_rows)
      : reader_(std::move(reader)),
        bad_rows_(std::move(bad_rows)),
        name_(std::move(name)),
        options_(options),
        projection_(name_, columns_of(*reader_->schema(), name_), options),
        bad_(options, {}, "correct it, or leave the sample out"),
        batch_rows_(rows_of_batch(projection_.row_bytes(), options.batch_rows)),
        in_memory_(extent == Extent::kWhole) {
    for (const auto& field : reader_->schema()->fields())
      types_.push_back(held_type(field->type()));
    while (in_memory_) {
      auto batch = value_of(reader_->Next(), name_);
      if (batch == nullptr) break;
      bytes_total_ += static_cast<std::uint64_t>(batch->num_rows()) * projection_.row_bytes();
      whole_.push_back(std::move(batch));
    }
    copies_ = projection_.copies();
    for (const auto column : projection_.used()) {
      const auto& type = reader_->schema()->field(static_cast<int>(column))->type();
      copies_ |= type->id() != arrow::Type::EXTENSION && !type->Equals(types_[column]);
    }
  }

  const Schema& schema() const override { return projection_.schema(); }

  std::shared_ptr<arrow::RecordBatch> next() override {
    while (ready_.empty()) {
      check_stop(options_.stop);
      if (current_ == nullptr || row_ == current_->num_rows()) {
        current_ = take();
        row_ = 0;
        if (current_ == nullptr) {
          bad_.finish();
          return nullptr;
        }
        continue;
      }
      project();
    }
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  std::string name() const override { return name_; }
  bool allows_nan() const override { return options_.allow_nan; }
  bool in_place() const override { return in_memory_ && !copies_; }

  std::uint64_t fingerprint() override {
    if (!in_memory_) return random_fingerprint();
    ValueHash hash(schema());
    std::int64_t first = 0;
    for (const auto& batch : whole_) {
      for (std::int64_t row = 0; row < batch->num_rows(); row += batch_rows_) {
        check_stop(options_.stop);
        RowFaults faults;
        const auto projected = projected_rows(*batch, row, first + row, faults);
        // A bad row makes next() end the run, or is known by its place.
        for (const auto& run : good_runs(projected, faults)) hash.update(*run);
      }
      first += batch->num_rows();
    }
    return hash.digest(describe("arrow", schema(), options_));
  }

  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override {
    return static_cast<std::uint64_t>(records_) * projection_.row_bytes();
  }
  std::uint64_t rejected() const override { return bad_.count(); }

 private:
  std::shared_ptr<arrow::RecordBatch> take() {
    if (!in_memory_) return value_of(reader_->Next(), name_);
    return taken_ == whole_.size() ? nullptr : whole_[taken_++];
  }

  std::shared_ptr<arrow::RecordBatch> projected_rows(const arrow::RecordBatch& batch,
                                                     std::int64_t row, std::int64_t first,
                                                     RowFaults& faults) const {
    const auto slice = batch.Slice(row, batch_rows_);
    arrow::ArrayVector arrays;
    for (const auto column : projection_.used()) {
      auto array =
          value_of(cast_to_held(slice->column(static_cast<int>(column)), types_[column]), name_);
      check(array->Validate(), name_);
      arrays.push_back(std::move(array));
    }
    if (bad_rows_ != nullptr) {
      const auto end = bad_rows_->lower_bound(first + slice->num_rows());
      for (auto bad = bad_rows_->lower_bound(first); bad != end; ++bad)
        faults.emplace(bad->first - first, RowFault{0, bad->second});
    }
    return projection_.project(arrays, slice->num_rows(), first, faults);
  }

  void project() {
    RowFaults faults;
    const auto batch = projected_rows(*current_, row_, records_, faults);
    for (const auto& [row, fault] : faults)
      bad_.add(fmt::format("{}: sample {}", name_, records_ + row), fault.what);
    for (auto& run : good_runs(batch, faults)) ready_.push_back(std::move(run));
    row_ += batch->num_rows();
    records_ += batch->num_rows();
  }

  const std::shared_ptr<arrow::RecordBatchReader> reader_;
  const std::shared_ptr<const BadRows> bad_rows_;  ///< null: none
  const std::string name_;
  const SourceOptions options_;
  const Projection projection_;
  BadRecords bad_;
  const std::int64_t batch_rows_;
  const bool in_memory_;
  bool copies_ = false;
  std::vector<std::shared_ptr<arrow::DataType>> types_;  ///< what to cast each column to
  arrow::RecordBatchVector whole_;
  std::size_t taken_ = 0;  ///< of whole_
  std::uint64_t bytes_total_ = 0;
  std::shared_ptr<arrow::RecordBatch> current_;
  std::int64_t row_ = 0;      ///< of current_, the next
  std::int64_t records_ = 0;  ///< before row_, of all batches
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

}  // namespace

std::unique_ptr<Source> make_arrow_source(std::shared_ptr<arrow::RecordBatchReader> reader,
                                          Extent extent, std::string name,
                                          const SourceOptions& options,
                                          std::shared_ptr<const BadRows> bad_rows) {
  const auto open = [&](const auto& from, const SourceOptions& with) {
    return std::make_unique<ArrowSource>(from, extent, name, with, bad_rows);
  };
  if (!has_unnamed_classes(options)) return open(reader, options);
  if (extent == Extent::kStream) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: a stream is read only once, so the names of its classes cannot be "
                            "found before; give them",
                            name));
  }
  const auto whole = value_of(reader->ToRecordBatches(), name);
  const auto again = [&](const SourceOptions& with) {
    return open(value_of(arrow::RecordBatchReader::Make(whole, reader->schema()), name), with);
  };
  return again(with_class_names(options, again));
}

std::unique_ptr<Source> open_arrow(ArrowArrayStream* stream, Extent extent, std::string name,
                                   const SourceOptions& options) {
  auto reader = value_of(arrow::ImportRecordBatchReader(stream), name);
  return make_arrow_source(std::move(reader), extent, std::move(name), options);
}

}  // namespace ringfeed
