// Each line is parsed by itself, within the bounds of base/json: a bad one is named and stepped
// over. Its values become Arrow arrays, and the rest is done as for any typed source.
#include "source/json_lines.hpp"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <optional>
#include <ringfeed/error.hpp>
#include <unordered_map>
#include <utility>

#include "base/option.hpp"
#include "dataset/arrow_status.hpp"
#include "dataset/text_list.hpp"
#include "source/arrays.hpp"
#include "source/bad_records.hpp"
#include "source/csv_number.hpp"
#include "source/input.hpp"
#include "source/json_line.hpp"
#include "source/projection.hpp"
#include "source/tensor_spec.hpp"
#include "source/text_lines.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::json;

/// A batch ends when its lines have this many bytes.
constexpr std::uint64_t kBatchTextBytesMax = std::uint64_t{16} << 20;

/// Of a value, or of the elements of a list.
enum class JsonKind : std::uint8_t { kNone, kBool, kWhole, kNumber, kText, kOther };

/// What the values of a column are. A list without elements says nothing of these.
struct JsonType {
  bool is_list = false;
  JsonKind kind = JsonKind::kNone;
};

JsonKind scalar_kind(const Json& value) {
  if (value.is_boolean()) return JsonKind::kBool;
  if (value.is_number_integer() || value.is_binary()) return JsonKind::kWhole;
  if (value.is_number()) return JsonKind::kNumber;
  return value.is_string() ? JsonKind::kText : JsonKind::kOther;
}

/// The kind that holds both; kOther: there is none.
JsonKind wider(JsonKind left, JsonKind right) {
  if (left == right || right == JsonKind::kNone) return left;
  if (left == JsonKind::kNone) return right;
  const bool numbers = (left == JsonKind::kWhole && right == JsonKind::kNumber) ||
                       (left == JsonKind::kNumber && right == JsonKind::kWhole);
  return numbers ? JsonKind::kNumber : JsonKind::kOther;
}

JsonType type_of(const Json& value) {
  if (!value.is_array()) return {false, scalar_kind(value)};
  JsonType type{true, JsonKind::kNone};
  for (const auto& element : value) type.kind = wider(type.kind, scalar_kind(element));
  return type;
}

std::string name_of(const JsonType& type) {
  constexpr std::string_view kNames[] = {"nothing", "bools", "whole numbers",
                                         "numbers", "text",  "values that cannot be held"};
  const auto name = kNames[static_cast<std::size_t>(type.kind)];
  return type.is_list ? fmt::format("lists of {}", name) : std::string(name);
}

/// What the values have to be for a column that was asked for.
JsonType type_for(const ColumnSpec& spec) {
  if (spec.kind == ColumnKind::kString) return {false, JsonKind::kText};
  const bool is_list = spec.kind == ColumnKind::kList || !spec.shape.empty();
  if (spec.dtype == DType::kBool) return {is_list, JsonKind::kBool};
  return {is_list, is_float(spec.dtype) ? JsonKind::kNumber : JsonKind::kWhole};
}

ColumnSpec spec_of(const std::string& name, const JsonType& type) {
  if (type.kind == JsonKind::kText) return {name, ColumnKind::kString, DType::kUInt8, {}};
  const auto dtype = type.kind == JsonKind::kBool    ? DType::kBool
                     : type.kind == JsonKind::kWhole ? DType::kInt64
                                                     : DType::kFloat64;
  return {name, type.is_list ? ColumnKind::kList : ColumnKind::kTensor, dtype, {}};
}

/// The columns of all records: names in the order they are met, and the widest types. What does not
/// go with the records before is a bad record later.
struct JsonColumns {
  std::vector<std::string> names;
  std::vector<JsonType> types;
  std::unordered_map<std::string, std::size_t> places;

  void add(const std::string& name, const Json& value, const SourceOptions& options) {
    const auto [found, is_new] = places.try_emplace(name, names.size());
    if (is_new) {
      const auto* const said = find_type(options, name);
      names.push_back(name);
      types.push_back(said == nullptr ? JsonType{} : type_for(*said));
    }
    if (value.is_null()) return;
    auto& type = types[found->second];
    const auto seen = type_of(value);
    if (is_new && find_type(options, name) == nullptr) type = seen;
    if (seen.is_list != type.is_list && type.kind == JsonKind::kNone) type = seen;
    const auto kind = wider(type.kind, seen.kind);
    if (seen.is_list == type.is_list && kind != JsonKind::kOther &&
        find_type(options, name) == nullptr) {
      type.kind = kind;
    }
  }
};

JsonColumns find_json_columns(const std::vector<std::string>& paths, const SourceOptions& options) {
  JsonColumns columns;
  NoGoodRecord none;
  TextLines lines(paths);
  while (lines.next()) {
    check_stop(options.stop);
    try {
      for (const auto& [name, value] : members_of(lines.text())) columns.add(name, value, options);
    } catch (const BadLine& bad) {
      none.add(lines.path(), lines.line(), bad.what);
    }
  }
  if (columns.names.empty()) none.refuse(paths[0]);
  return columns;
}

std::vector<TypedColumn> typed_columns_of(const JsonColumns& columns) {
  std::vector<TypedColumn> typed;
  for (std::size_t i = 0; i < columns.names.size(); ++i) {
    const auto& name = columns.names[i];
    const auto& [is_list, kind] = columns.types[i];
    typed.push_back({spec_of(name, columns.types[i]), {}});
    if (is_list && kind == JsonKind::kText) {
      typed.back().refusal = fmt::format("column {}: {}", in_quotes(name), kTextListRefusal);
    } else if (kind == JsonKind::kNone) {
      typed.back().refusal =
          fmt::format("column {}: it has no value, so nothing tells its type; say it with {}",
                      in_quotes(name), option_name("schema"));
    } else if (kind == JsonKind::kOther) {
      typed.back().refusal = fmt::format(
          "column {}: objects and lists of lists cannot be held; give their numbers as columns or "
          "as one list",
          in_quotes(name));
    }
  }
  return typed;
}

/// The values of one column in the batch that is being filled.
class JsonColumn {
 public:
  JsonColumn(std::string name, JsonType type) : name_(std::move(name)), type_(type) {
    auto* const pool = arrow::default_memory_pool();
    switch (type.kind) {
      case JsonKind::kBool:
        elements_ = std::make_shared<arrow::BooleanBuilder>(pool);
        break;
      case JsonKind::kWhole:
        elements_ = std::make_shared<arrow::Int64Builder>(pool);
        break;
      case JsonKind::kText:
        elements_ = std::make_shared<arrow::StringBuilder>(pool);
        break;
      default:
        elements_ = std::make_shared<arrow::DoubleBuilder>(pool);
        break;
    }
    if (type.is_list) list_ = std::make_shared<arrow::ListBuilder>(pool, elements_);
  }

  /// What is wrong with the value; empty: nothing.
  std::string fault(const Json& value) const {
    if (value.is_null()) return fmt::format("column {}: the value is null", in_quotes(name_));
    const auto type = type_of(value);
    const auto kind = wider(type_.kind, type.kind);
    if (type.is_list != type_.is_list || kind != type_.kind) {
      return fmt::format("column {}: {} where {} are due", in_quotes(name_), name_of(type),
                         name_of(type_));
    }
    if (!type.is_list) return number_fault(value);
    for (const auto& element : value) {
      if (auto what = number_fault(element); !what.empty()) return what;
    }
    return {};
  }

  void append(const Json& value) {
    if (!type_.is_list) return append_element(value);
    check(list_->Append(), "memory for records");
    for (const auto& element : value) append_element(element);
  }

  void append_null() {
    check(list_ != nullptr ? list_->AppendNull() : elements_->AppendNull(), "memory for records");
  }

  std::shared_ptr<arrow::Array> finish() {
    return value_of(list_ != nullptr ? list_->Finish() : elements_->Finish(), "memory for records");
  }

 private:
  std::string number_fault(const Json& value) const {
    const auto say = [&](std::string_view what) {
      const auto digits = value.is_binary()
                              ? std::string(value.get_binary().begin(), value.get_binary().end())
                              : value.dump();
      return fmt::format("column {}: {} {}", in_quotes(name_), digits, what);
    };
    if (value.is_binary() ||
        (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX})) {
      return say("is a whole number beyond int64");
    }
    if (type_.kind != JsonKind::kNumber || !value.is_number_integer()) return {};
    if (is_exact_float64(value.get<std::int64_t>())) return {};
    return say("is a whole number that float64 does not hold exactly");
  }

  void append_element(const Json& value) {
    arrow::Status status;
    switch (type_.kind) {
      case JsonKind::kBool:
        status = static_cast<arrow::BooleanBuilder&>(*elements_).Append(value.get<bool>());
        break;
      case JsonKind::kWhole:
        status = static_cast<arrow::Int64Builder&>(*elements_).Append(value.get<std::int64_t>());
        break;
      case JsonKind::kText:
        status = static_cast<arrow::StringBuilder&>(*elements_)
                     .Append(value.get_ref<const std::string&>());
        break;
      default:
        status = static_cast<arrow::DoubleBuilder&>(*elements_).Append(value.get<double>());
        break;
    }
    check(status, "memory for records");
  }

  const std::string name_;
  const JsonType type_;
  std::shared_ptr<arrow::ArrayBuilder> elements_;
  std::shared_ptr<arrow::ListBuilder> list_;  ///< of elements_; null for scalars
};

class JsonLinesSource final : public Source {
 public:
  JsonLinesSource(const std::vector<std::string>& paths, const SourceOptions& options)
      : paths_(paths),
        options_(options),
        columns_(checked_columns(paths, options)),
        projection_(paths_[0], typed_columns_of(columns_), options),
        bad_(options, paths),
        rows_max_(rows_of_batch(projection_.row_bytes(), options.batch_rows)),
        lines_(paths) {
    for (const auto& path : paths_) bytes_total_ += check_source_file(path);
    for (const auto place : projection_.used()) {
      used_.emplace(columns_.names[place], values_.size());
      values_.emplace_back(columns_.names[place], columns_.types[place]);
    }
  }

  const Schema& schema() const override { return projection_.schema(); }

  std::shared_ptr<arrow::RecordBatch> next() override {
    while (ready_.empty()) {
      if (!read()) {
        bad_.finish();
        return nullptr;
      }
    }
    auto batch = std::move(ready_.front());
    ready_.pop_front();
    return batch;
  }

  std::string name() const override { return name_of_files(paths_); }
  bool allows_nan() const override { return options_.allow_nan; }
  bool in_place() const override { return false; }
  std::uint64_t fingerprint() override {
    return hash_files(describe("json lines", schema(), options_), paths_, options_.stop);
  }
  std::uint64_t bytes_total() const override { return bytes_total_; }
  std::uint64_t bytes_read() const override { return lines_.bytes_read(); }
  std::uint64_t rejected() const override { return bad_.count(); }

 private:
  struct Record {
    std::string path;
    std::uint64_t line = 0;
  };

  static JsonColumns checked_columns(const std::vector<std::string>& paths,
                                     const SourceOptions& options) {
    for (const auto& path : paths) check_source_file(path);
    return find_json_columns(paths, options);
  }

  /// False at the end of the files.
  bool read() {
    std::vector<Record> records;
    RowFaults faults;
    std::uint64_t bytes = 0;
    while (std::ssize(records) < rows_max_ && bytes < kBatchTextBytesMax && lines_.next()) {
      check_stop(options_.stop);
      if (auto what = take(lines_.text()); !what.empty())
        faults.emplace(std::ssize(records), RowFault{0, std::move(what)});
      records.push_back({lines_.path(), lines_.line()});
      bytes += lines_.text().size();
    }
    if (records.empty()) return false;
    arrow::ArrayVector arrays;
    for (auto& column : values_) arrays.push_back(column.finish());
    const auto batch = projection_.project(arrays, std::ssize(records), done_, faults);
    for (const auto& [row, fault] : faults) {
      const auto& record = records[static_cast<std::size_t>(row)];
      bad_.add(record.path, record.line, fault.what);
    }
    for (auto& run : good_runs(batch, faults)) ready_.push_back(std::move(run));
    done_ += std::ssize(records);
    return true;
  }

  /// What is wrong with the record; empty: nothing. It is one row more in any case.
  std::string take(std::string_view text) {
    JsonMembers members;
    auto what = std::string();
    std::vector<const Json*> found(values_.size());
    try {
      members = members_of(text);
      for (const auto& [name, value] : members) {
        if (const auto at = used_.find(name); at != used_.end()) found[at->second] = &value;
      }
      for (std::size_t i = 0; i < values_.size() && what.empty(); ++i) {
        what = found[i] == nullptr ? fmt::format("column {}: the value is missing",
                                                 in_quotes(columns_.names[projection_.used()[i]]))
                                   : values_[i].fault(*found[i]);
      }
    } catch (const BadLine& bad) {
      what = bad.what;
    }
    for (std::size_t i = 0; i < values_.size(); ++i)
      what.empty() ? values_[i].append(*found[i]) : values_[i].append_null();
    return what;
  }

  const std::vector<std::string> paths_;
  const SourceOptions options_;
  const JsonColumns columns_;
  const Projection projection_;
  BadRecords bad_;
  const std::int64_t rows_max_;
  TextLines lines_;
  std::vector<JsonColumn> values_;                     ///< of the used columns
  std::unordered_map<std::string, std::size_t> used_;  ///< places in values_
  std::uint64_t bytes_total_ = 0;
  std::int64_t done_ = 0;  ///< records
  std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
};

}  // namespace

std::unique_ptr<Source> open_json_lines(const std::vector<std::string>& paths,
                                        const SourceOptions& options) {
  return std::make_unique<JsonLinesSource>(paths, options);
}

}  // namespace ringfeed
