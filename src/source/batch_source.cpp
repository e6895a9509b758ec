// Batches as record batches over their memory.
#include <arrow/array.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ringfeed/error.hpp>
#include <utility>

#include "source/arrays.hpp"
#include "source/arrow_source.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

/// So many elements of lists, bytes or text, or rows, go into one record batch at most: Arrow
/// counts them with 32 bits.
constexpr std::int64_t kBatchElementsMax = std::int64_t{1} << 24;

/// Memory of a batch, which it keeps.
class ColumnBuffer final : public arrow::Buffer {
 public:
  ColumnBuffer(const std::byte* data, std::int64_t bytes, std::shared_ptr<void> owner)
      : arrow::Buffer(reinterpret_cast<const std::uint8_t*>(data), bytes),
        owner_(std::move(owner)) {}

 private:
  std::shared_ptr<void> owner_;
};

/// Elements [first, first + count) of a column.
std::shared_ptr<arrow::Buffer> elements_of(const Column& column, std::int64_t first,
                                           std::int64_t count) {
  const auto size = static_cast<std::int64_t>(size_of(column.dtype));
  const auto* const data = column.as<const std::byte>();
  if (column.dtype == DType::kBool)
    return pack_bools(reinterpret_cast<const std::uint8_t*>(data) + first, count);
  static constexpr std::byte kNothing{};  // Arrow takes no null for the values of empty texts
  return std::make_shared<ColumnBuffer>(count == 0 ? &kNothing : data + first * size, count * size,
                                        column.owner);
}

std::shared_ptr<arrow::Array> rows_of(const Column& column, const ColumnSpec& spec,
                                      const std::shared_ptr<arrow::DataType>& type,
                                      std::int64_t first, std::int64_t rows) {
  if (spec.kind == ColumnKind::kTensor) {
    return tensor_array(type, rows,
                        elements_of(column, first * spec.elements(), rows * spec.elements()));
  }
  const std::int64_t* const offsets = column.offsets + first;
  std::shared_ptr<arrow::Buffer> lengths =
      make_buffer((rows + 1) * static_cast<std::int64_t>(sizeof(std::int32_t)));
  for (std::int64_t row = 0; row <= rows; ++row) {
    const auto offset = static_cast<std::int32_t>(offsets[row] - offsets[0]);
    std::memcpy(lengths->mutable_data() + row * static_cast<std::int64_t>(sizeof offset), &offset,
                sizeof offset);
  }
  auto values = elements_of(column, offsets[0], offsets[rows] - offsets[0]);
  if (spec.kind != ColumnKind::kList)
    return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {nullptr, lengths, values}, 0));
  const auto items = arrow::ArrayData::Make(type->field(0)->type(), offsets[rows] - offsets[0],
                                            {nullptr, std::move(values)}, 0);
  return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {nullptr, lengths}, {items}, 0));
}

ColumnSpec spec_of(const Column& column) {
  ColumnSpec spec{column.name, column.kind, column.dtype, {}};
  if (column.kind == ColumnKind::kTensor)
    spec.shape.assign(column.shape.begin() + 1, column.shape.end());
  return spec;
}

Schema schema_of(const Batch& batch) {
  Schema schema;
  for (const auto& column : batch.columns) schema.columns.push_back(spec_of(column));
  return schema;
}

class BatchReader final : public arrow::RecordBatchReader {
 public:
  BatchReader(NextBatch next, BadSamples bad, std::string name)
      : next_(std::move(next)), bad_(std::move(bad)), name_(std::move(name)) {
    take();
    if (!batch_) {
      throw Error(ErrorCode::kInvalidArgument,
                  name_ + ": there is no sample; a data set needs at least one");
    }
    schema_ = schema_of(*batch_);
    arrow_schema_ = schema_.to_arrow();
  }

  std::shared_ptr<arrow::Schema> schema() const override { return arrow_schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* to) override {
    while (batch_ && row_ == batch_->size) {
      samples_ += batch_->size;
      row_ = 0;
      take();
      if (batch_) check_same_columns();
    }
    *to = batch_ ? make() : nullptr;
    return arrow::Status::OK();
  }

  /// Of the batches so far.
  const std::shared_ptr<BadRows>& bad_rows() const { return bad_rows_; }

 private:
  void take() {
    batch_ = next_();
    if (!batch_ || !bad_) return;
    for (auto& [row, what] : bad_()) bad_rows_->emplace(samples_ + row, std::move(what));
  }

  void check_same_columns() const {
    const Schema other = schema_of(*batch_);
    for (std::size_t i = 0; i < std::max(schema_.columns.size(), other.columns.size()); ++i) {
      const bool missing = i >= other.columns.size();
      if (!missing && i < schema_.columns.size() && schema_.columns[i] == other.columns[i])
        continue;
      const auto& at = missing ? schema_.columns[i] : other.columns[i];
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: column {} is {} from sample {} on, and {} before; give all samples the "
                      "same columns, types and shapes",
                      name_, in_quotes(at.name), missing ? "missing" : at.type_name(), samples_,
                      i < schema_.columns.size() ? schema_.columns[i].type_name() : "missing"));
    }
  }

  std::shared_ptr<arrow::RecordBatch> make() {
    std::int64_t rows = std::min(batch_->size - row_, kBatchElementsMax);
    for (const auto& column : batch_->columns) {
      if (column.offsets == nullptr) continue;
      const std::int64_t* const begin = column.offsets + row_;
      // The first row that ends beyond: it and those behind it come with the next record batch.
      const auto* const end =
          std::upper_bound(begin + 1, begin + rows + 1, begin[0] + kBatchElementsMax);
      rows = std::max<std::int64_t>(1, end - begin - 1);
    }
    arrow::ArrayVector arrays;
    for (std::size_t i = 0; i < batch_->columns.size(); ++i) {
      const auto& type = arrow_schema_->field(static_cast<int>(i))->type();
      arrays.push_back(rows_of(batch_->columns[i], schema_.columns[i], type, row_, rows));
    }
    row_ += rows;
    return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(arrays));
  }

  const NextBatch next_;
  const BadSamples bad_;
  const std::string name_;
  Schema schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::optional<Batch> batch_;
  const std::shared_ptr<BadRows> bad_rows_ = std::make_shared<BadRows>();
  std::int64_t row_ = 0;      ///< of batch_, the next
  std::int64_t samples_ = 0;  ///< before batch_
};

}  // namespace

std::unique_ptr<Source> open_batches(NextBatch next, Extent extent, std::string name,
                                     const SourceOptions& options, BadSamples bad) {
  auto reader = std::make_shared<BatchReader>(std::move(next), std::move(bad), name);
  const auto bad_rows = reader->bad_rows();
  return make_arrow_source(std::move(reader), extent, std::move(name), options, bad_rows);
}

}  // namespace ringfeed
