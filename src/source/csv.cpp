// Fields are converted straight into the memory of the record batch; a bad record is simply written
// over by the next.
#include "source/csv.hpp"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "source/arrays.hpp"
#include "source/bad_records.hpp"
#include "source/csv_number.hpp"
#include "source/csv_rows.hpp"
#include "source/input.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {
namespace {

/// A batch ends when it holds this much text.
constexpr std::uint64_t kTextBytesMax = std::uint64_t{16} << 20;

/// One column of the schema, the fields it is made of, and its values in the batch that is being
/// filled.
struct CsvColumn {
  ColumnSpec spec;
  std::vector<std::size_t> fields;
  std::shared_ptr<arrow::DataType> type;
  ParseNumber parse = nullptr;  ///< null for text
  std::unique_ptr<arrow::ResizableBuffer> values;
};

/// The narrowest type that holds every field of a column: int64, float64 or string. A whole number
/// beyond int64 is a bad record then, as is one that float64 does not hold exactly.
std::vector<ColumnSpec> infer_columns(const std::vector<std::string>& paths,
                                      const SourceOptions& options, BadRecords& bad) {
  CsvRows rows(paths, options.header);
  std::vector<TextKind> kinds(rows.columns().size(), TextKind::kEmpty);
  bool any = false;
  while (rows.next()) {
    check_stop(options.stop);
    if (const auto fault = rows.fault(); !fault.empty()) {
      if (options.on_bad == OnBad::kError) bad.add(rows.path(), rows.line(), fault);
      continue;
    }
    any = true;
    const auto fields = rows.fields();
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] != TextKind::kText) kinds[i] = std::max(kinds[i], kind_of(fields[i]));
    }
  }
  if (!any) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}: there is no good record to tell the types of the columns by; add records",
                    paths[0]));
  }
  std::vector<ColumnSpec> columns;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    ColumnSpec column{rows.columns()[i], ColumnKind::kTensor, DType::kInt64, {}};
    if (kinds[i] == TextKind::kNumber) column.dtype = DType::kFloat64;
    if (kinds[i] == TextKind::kText || kinds[i] == TextKind::kEmpty) {
      column.kind = ColumnKind::kString;
      column.dtype = DType::kUInt8;
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

class CsvSource final : public Source {
 public:
  CsvSource(const std::vector<std::string>& paths, const SourceOptions& options)
      : paths_(paths), options_(options), bad_(options, paths) {
    for (const auto& path : paths_) bytes_total_ += check_source_file(path);
    choose_columns();
    check_schema(schema_, paths_[0]);
    const auto arrow_schema = schema_.to_arrow();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      auto& column = columns_[i];
      column.type = arrow_schema->field(static_cast<int>(i))->type();
      if (column.spec.kind == ColumnKind::kString) continue;
      column.parse = options_.tensors.empty() ? parser_for_inferred(column.spec.dtype)
                                              : parser_for(column.spec.dtype);
      row_bytes_ += column.spec.sample_bytes();
    }
    arrow_schema_ = arrow_schema;
    rows_max_ = rows_of_batch(row_bytes_, options_.batch_rows);
  }

  const Schema& schema() const override { return schema_; }

  std::shared_ptr<arrow::RecordBatch> next() override {
    start_batch();
    std::int64_t rows = 0;
    text_bytes_ = 0;
    while (rows < rows_max_ && text_bytes_ < kTextBytesMax && rows_->next()) {
      check_stop(options_.stop);
      if (const auto fault = convert_row(rows); !fault.empty()) {
        bad_.add(rows_->path(), rows_->line(), fault);
      } else {
        ++rows;
      }
    }
    if (rows > 0) return finish_batch(rows);
    bad_.finish();
    return nullptr;
  }

  bool in_place() const override { return false; }
  std::uint64_t fingerprint() override {
    return hash_files(describe("csv", schema_, options_), paths_, options_.stop);
  }
  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override { return rows_->bytes_read(); }
  std::uint64_t rejected() const override { return bad_.count(); }

 private:
  void choose_columns() {
    rows_ = std::make_unique<CsvRows>(paths_, options_.header);
    if (options_.tensors.empty()) {
      for (const auto& name : rows_->columns()) schema_.columns.push_back({name, {}, {}, {}});
      check_schema(schema_, paths_[0]);  // before the types are looked for, which takes long
      schema_.columns = infer_columns(paths_, options_, bad_);
      for (std::size_t i = 0; i < schema_.columns.size(); ++i) {
        columns_.push_back({schema_.columns[i], {i}, nullptr, nullptr, nullptr});
      }
      return;
    }
    for (const auto& tensor : options_.tensors) {
      auto fields = find_columns(tensor, rows_->columns());
      schema_.columns.push_back(column_of(tensor, static_cast<std::int64_t>(fields.size())));
      columns_.push_back({schema_.columns.back(), std::move(fields), nullptr, nullptr, nullptr});
    }
  }

  /// A bool has one byte here; finish_batch() packs it.
  void start_batch() {
    for (auto& column : columns_) {
      if (column.parse == nullptr) continue;
      column.values =
          make_buffer(rows_max_ * static_cast<std::int64_t>(column.spec.sample_bytes()));
    }
    texts_.resize(columns_.size());
  }

  /// What is wrong with the record; empty: nothing, and it is row `row` of the batch now.
  std::string convert_row(std::int64_t row) {
    if (auto fault = rows_->fault(); !fault.empty()) return fault;
    const auto fields = rows_->fields();
    std::uint64_t bytes = row_bytes_;
    for (const auto& column : columns_) {
      if (column.parse == nullptr) {
        const auto text = fields[column.fields[0]];
        bytes += text.size();
        if (!arrow::util::ValidateUTF8(text)) {
          return fmt::format("column {}: the text is not UTF-8", in_quotes(column.spec.name));
        }
        continue;
      }
      const auto item_bytes = size_of(column.spec.dtype);
      auto* to = column.values->mutable_data() +
                 static_cast<std::size_t>(row) * column.spec.sample_bytes();
      for (const auto field : column.fields) {
        const auto fault = column.parse(fields[field], to);
        if (fault != NumberFault::kNone) [[unlikely]] {
          return describe_fault(fault, rows_->columns()[field], fields[field], column.spec.dtype);
        }
        to += item_bytes;
      }
    }
    if (bytes > kSampleBytesMax) return describe_size(bytes);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].parse != nullptr) continue;
      const auto text = fields[columns_[i].fields[0]];
      check(texts_[i].Append(text), "memory for records");
      text_bytes_ += text.size();
    }
    return {};
  }

  std::shared_ptr<arrow::RecordBatch> finish_batch(std::int64_t rows) {
    arrow::ArrayVector arrays;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      auto& column = columns_[i];
      if (column.parse == nullptr) {
        arrays.push_back(value_of(texts_[i].Finish(), "memory for records"));
        continue;
      }
      const auto bytes = rows * static_cast<std::int64_t>(column.spec.sample_bytes());
      std::shared_ptr<arrow::Buffer> values;
      if (column.spec.dtype == DType::kBool) {
        values = pack_bools(column.values->data(), bytes);
      } else {
        check(column.values->Resize(bytes, /*shrink_to_fit=*/rows < rows_max_),
              "memory for records");
        values = std::move(column.values);
      }
      arrays.push_back(tensor_array(column.type, rows, std::move(values)));
    }
    return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(arrays));
  }

  const std::vector<std::string> paths_;
  const SourceOptions options_;
  BadRecords bad_;
  Schema schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::vector<CsvColumn> columns_;
  std::vector<arrow::StringBuilder> texts_;  ///< by column; empty but for text
  std::unique_ptr<CsvRows> rows_;
  std::uint64_t row_bytes_ = 0;  ///< of a sample's numbers
  std::int64_t rows_max_ = 1;
  std::uint64_t text_bytes_ = 0;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace

std::unique_ptr<Source> open_csv(const std::vector<std::string>& paths,
                                 const SourceOptions& options) {
  return std::make_unique<CsvSource>(paths, options);
}

}  // namespace ringfeed
