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
#include <cstring>
#include <optional>
#include <ringfeed/error.hpp>

#include "base/option.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/chunk.hpp"
#include "source/arrays.hpp"
#include "source/bad_records.hpp"
#include "source/classes.hpp"
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
  Places fields;                             ///< none: the number of the record
  ParseNumber parse = nullptr;               ///< null for text, class numbers and record numbers
  std::optional<ClassNumbers> classes = {};  ///< of class numbers
  std::shared_ptr<arrow::DataType> type = nullptr;
  std::unique_ptr<arrow::ResizableBuffer> values = nullptr;

  bool is_text() const { return spec.kind == ColumnKind::kString; }
};

ColumnSpec text_column(const std::string& name) {
  return {name, ColumnKind::kString, DType::kUInt8, {}};
}

/// What the fields of some columns could be, by column; found by reading all files.
std::vector<TextKind> find_kinds(CsvRows& rows, const Places& columns, const SourceOptions& options,
                                 BadRecords& bad) {
  std::vector<TextKind> kinds(columns.size(), TextKind::kEmpty);
  bool any = false;
  NoGoodRecord none;
  while (rows.next()) {
    check_stop(options.stop);
    if (const auto fault = rows.fault(); !fault.empty()) {
      none.add(rows.path(), rows.line(), fault);
      if (options.on_bad == OnBad::kError) bad.add(rows.path(), rows.line(), fault);
      continue;
    }
    any = true;
    const auto fields = rows.fields();
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      if (kinds[i] != TextKind::kText) kinds[i] = std::max(kinds[i], kind_of(fields[columns[i]]));
    }
  }
  if (!any) none.refuse(rows.path());
  return kinds;
}

/// The narrowest type that holds every field of a column: int64, float64 or string. A whole number
/// beyond int64 is a bad record then, as is one that float64 does not hold exactly.
ColumnSpec column_of_kind(const std::string& name, TextKind kind) {
  if (kind == TextKind::kText || kind == TextKind::kEmpty) return text_column(name);
  return {
      name, ColumnKind::kTensor, kind == TextKind::kNumber ? DType::kFloat64 : DType::kInt64, {}};
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
      if (!column.is_text()) row_bytes_ += column.spec.sample_bytes();
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
      ++record_;
    }
    if (rows > 0) return finish_batch(rows);
    bad_.finish();
    return nullptr;
  }

  std::string name() const override { return name_of_files(paths_); }
  bool allows_nan() const override { return options_.allow_nan; }
  bool in_place() const override { return false; }
  std::uint64_t fingerprint() override {
    return hash_files(describe("csv", schema_, options_), paths_, options_.stop);
  }
  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override { return rows_->bytes_read(); }
  std::uint64_t rejected() const override { return bad_.count(); }

 private:
  void choose_columns() {
    rows_ = std::make_unique<CsvRows>(paths_, options_.header, options_.delimiter);
    const auto& names = rows_->columns();
    const auto choice = ringfeed::choose_columns(options_, names);
    for (std::size_t i = 0; i < options_.tensors.size(); ++i) {
      const auto& tensor = options_.tensors[i];
      if (!tensor.dtype) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{} {}: the fields of a CSV file have no dtype; say one behind the "
                                "shape, e.g. :float32",
                                option_name("tensor"), tensor.name));
      }
      columns_.push_back({column_of(tensor, static_cast<std::int64_t>(choice.tensors[i].size())),
                          choice.tensors[i], parser_for(*tensor.dtype)});
    }
    add_others(choice.others, names);
    if (!options_.row_number.empty())
      columns_.push_back({{options_.row_number, ColumnKind::kTensor, DType::kInt64, {}}, {}});
    schema_.columns.clear();
    for (const auto& column : columns_) schema_.columns.push_back(column.spec);
  }

  void add_others(const Places& others, const std::vector<std::string>& names) {
    Places open;  // whose types are to be found
    for (const auto place : others) {
      schema_.columns.push_back({names[place], {}, {}, {}});
      if (find_type(options_, names[place]) == nullptr &&
          find_class_column(options_, names[place]) == nullptr) {
        open.push_back(place);
      }
    }
    if (open.empty()) {
      for (const auto place : others) columns_.push_back(said_column(names[place], place));
      return;
    }
    check_schema(schema_, paths_[0]);  // before the types are looked for, which takes long
    CsvRows rows(paths_, options_.header, options_.delimiter);
    const auto kinds = find_kinds(rows, open, options_, bad_);
    std::size_t found = 0;
    for (const auto place : others) {
      if (found == open.size() || open[found] != place) {
        columns_.push_back(said_column(names[place], place));
        continue;
      }
      auto spec = column_of_kind(names[place], kinds[found++]);
      const auto parse =
          spec.kind == ColumnKind::kString ? nullptr : parser_for_inferred(spec.dtype);
      columns_.push_back({std::move(spec), {place}, parse});
    }
  }

  /// A column of which the options say what it is.
  CsvColumn said_column(const std::string& name, std::size_t place) const {
    if (const auto* const classes = find_class_column(options_, name)) {
      CsvColumn column{class_column_of(text_column(name), classes->names), {place}};
      if (!classes->names.empty()) column.classes.emplace(classes->names);
      return column;
    }
    const auto& type = *find_type(options_, name);
    const bool is_scalar = type.kind == ColumnKind::kTensor && type.shape.empty();
    if (!is_scalar && type.kind != ColumnKind::kString) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: column {} of a CSV file is a number or a string, not {}",
                              option_name("schema"), in_quotes(name), type.type_name()));
    }
    return {type, {place}, is_scalar ? parser_for(type.dtype) : nullptr};
  }

  /// A bool has one byte here; finish_batch() packs it.
  void start_batch() {
    for (auto& column : columns_) {
      if (column.is_text()) continue;
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
      if (column.is_text()) {
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
      if (column.parse == nullptr) {
        const auto number = column.classes ? column.classes->find(fields[column.fields[0]])
                                           : std::optional(record_);
        if (!number)
          return column.classes->describe_unknown(column.spec.name, fields[column.fields[0]]);
        std::memcpy(to, &*number, sizeof(*number));
        continue;
      }
      for (const auto field : column.fields) {
        const auto fault = column.parse(fields[field], to);
        if (fault != NumberFault::kNone && !is_allowed(fault, column.spec.dtype)) [[unlikely]] {
          return describe_fault(fault, rows_->columns()[field], fields[field], column.spec.dtype);
        }
        to += item_bytes;
      }
    }
    if (bytes > kSampleBytesMax) return describe_size(bytes);
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].is_text()) continue;
      const auto text = fields[columns_[i].fields[0]];
      check(texts_[i].Append(text), "memory for records");
      text_bytes_ += text.size();
    }
    return {};
  }

  bool is_allowed(NumberFault fault, DType dtype) const {
    return fault == NumberFault::kNotFinite && options_.allow_nan && is_float(dtype);
  }

  std::shared_ptr<arrow::RecordBatch> finish_batch(std::int64_t rows) {
    arrow::ArrayVector arrays;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      auto& column = columns_[i];
      if (column.is_text()) {
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
  std::int64_t record_ = 0;  ///< number of the next record, through all files
};

}  // namespace

std::unique_ptr<Source> open_csv(const std::vector<std::string>& paths,
                                 const SourceOptions& options) {
  return std::make_unique<CsvSource>(paths, options);
}

}  // namespace ringfeed
