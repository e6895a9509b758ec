// Arrays are taken apart to the memory of their elements, checked, and put together again in the
// schema's types.
#include "source/projection.hpp"

#include <arrow/array.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/util/utf8.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <ringfeed/error.hpp>

#include "base/option.hpp"
#include "dataset/chunk.hpp"
#include "source/arrays.hpp"
#include "source/bad_records.hpp"
#include "source/cast.hpp"
#include "source/tensor_spec.hpp"

namespace ringfeed {
namespace {

using Data = std::shared_ptr<arrow::ArrayData>;

const std::int32_t* offsets_of(const arrow::ArrayData& data) {
  return data.GetValues<std::int32_t>(1);
}

/// The numbers of a tensor or list column: of these rows and no others.
Data elements_of(const Data& data, const ColumnSpec& spec) {
  if (spec.kind == ColumnKind::kList) {
    if (data->length == 0) return data->child_data[0]->Slice(0, 0);
    const auto* const offsets = offsets_of(*data);
    return data->child_data[0]->Slice(offsets[0], offsets[data->length] - offsets[0]);
  }
  if (spec.shape.empty()) return data;
  const auto elements = spec.elements();
  return data->child_data[0]->Slice(data->offset * elements, data->length * elements);
}

std::int64_t row_of(const Data& data, const ColumnSpec& spec, std::int64_t element) {
  if (spec.kind != ColumnKind::kList) return element / spec.elements();
  const auto* const offsets = offsets_of(*data);
  const auto* const end = offsets + data->length + 1;
  return std::upper_bound(offsets, end, offsets[0] + element) - offsets - 1;
}

Elements view_of(const arrow::ArrayData& data, DType dtype) {
  const auto* const bytes = data.buffers[1] == nullptr ? nullptr : data.buffers[1]->data();
  return {dtype, bytes, data.offset, data.length};
}

/// The same memory under another type, and without the bitmap of nulls.
Data retyped(const Data& data, const std::shared_ptr<arrow::DataType>& type) {
  auto result = data->Copy();
  result->type = type;
  result->buffers[0] = nullptr;
  result->null_count = 0;
  return result;
}

std::shared_ptr<arrow::Array> reshaped(const Data& elements,
                                       const std::shared_ptr<arrow::DataType>& type,
                                       std::int64_t rows) {
  if (type->id() != arrow::Type::FIXED_SIZE_LIST) return arrow::MakeArray(retyped(elements, type));
  const auto& list = static_cast<const arrow::FixedSizeListType&>(*type);
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, rows, {nullptr}, {retyped(elements, list.value_type())}, 0));
}

std::shared_ptr<arrow::Array> as_it_is(const Data& data, const ColumnSpec& spec,
                                       const std::shared_ptr<arrow::DataType>& type) {
  auto result = retyped(data, type);
  if (spec.kind == ColumnKind::kList) {
    result->child_data = {
        retyped(data->child_data[0], static_cast<const arrow::ListType&>(*type).value_type())};
  }
  return arrow::MakeArray(std::move(result));
}

void find_nulls(const arrow::ArrayData& data, const std::function<void(std::int64_t)>& on_null) {
  if (data.GetNullCount() == 0) return;
  for (std::int64_t i = 0; i < data.length; ++i) {
    if (data.IsNull(i)) on_null(i);
  }
}

void check_text(const Data& data, const std::function<void(std::int64_t)>& on_bad) {
  const arrow::StringArray texts(data);
  for (std::int64_t i = 0; i < texts.length(); ++i) {
    if (texts.IsValid(i) && !arrow::util::ValidateUTF8(texts.GetView(i))) on_bad(i);
  }
}

/// Nulls, NaN and infinity unless they are allowed, text that is not UTF-8.
void check_values(const Data& data, const ColumnSpec& spec, std::size_t column, bool allow_nan,
                  RowFaults& faults) {
  const auto name = in_quotes(spec.name);
  find_nulls(*data, [&](std::int64_t row) {
    faults.try_emplace(
        row, RowFault{column, fmt::format("column {}: the value is missing (null)", name)});
  });
  if (spec.kind == ColumnKind::kString) {
    check_text(data, [&](std::int64_t row) {
      faults.try_emplace(row,
                         RowFault{column, fmt::format("column {}: the text is not UTF-8", name)});
    });
  }
  if (spec.kind == ColumnKind::kString || spec.kind == ColumnKind::kBinary) return;
  const auto elements = elements_of(data, spec);
  if (elements != data) {
    find_nulls(*elements, [&](std::int64_t element) {
      faults.try_emplace(
          row_of(data, spec, element),
          RowFault{column, fmt::format("column {}: an element is missing (null)", name)});
    });
  }
  if (allow_nan) return;
  check_finite(view_of(*elements, spec.dtype), [&](std::int64_t element, const std::string& what) {
    faults.try_emplace(row_of(data, spec, element),
                       RowFault{column, fmt::format("column {}: {}", name, what)});
  });
}

/// Lists of this dtype, of lists or of tensors of one dimension. `elements` are those of all rows,
/// and `of` says what they are.
std::shared_ptr<arrow::Array> cast_list(const arrow::ArrayData& rows, const Elements& elements,
                                        const ColumnSpec& of, const ColumnSpec& spec,
                                        const std::shared_ptr<arrow::DataType>& type,
                                        bool allow_nan, const OnBadElement& on_bad) {
  std::shared_ptr<arrow::Buffer> values =
      make_buffer(elements.count * static_cast<std::int64_t>(size_of(spec.dtype)));
  cast_elements(elements, 1, spec.dtype, values->mutable_data(), 1, on_bad, allow_nan);
  if (spec.dtype == DType::kBool) values = pack_bools(values->data(), elements.count);
  std::shared_ptr<arrow::Buffer> offsets =
      make_buffer((rows.length + 1) * static_cast<std::int64_t>(sizeof(std::int32_t)));
  auto* const to = reinterpret_cast<std::int32_t*>(offsets->mutable_data());
  to[0] = 0;
  for (std::int64_t row = 1; row <= rows.length; ++row) {
    to[row] = of.kind == ColumnKind::kList ? offsets_of(rows)[row] - offsets_of(rows)[0]
                                           : static_cast<std::int32_t>(row * of.elements());
  }
  const auto items = arrow::ArrayData::Make(type->field(0)->type(), elements.count,
                                            {nullptr, std::move(values)}, 0);
  return arrow::MakeArray(
      arrow::ArrayData::Make(type, rows.length, {nullptr, std::move(offsets)}, {items}, 0));
}

using OnBadRow = std::function<void(std::int64_t row, std::string what)>;

/// Lists as tensors of one shape, one behind the other. `elements` are those of all rows.
void cast_lists(const arrow::ArrayData& lists, const Elements& elements, const ColumnSpec& tensor,
                bool allow_nan, std::uint8_t* to, const OnBadRow& on_bad) {
  const auto due = tensor.elements();
  for (std::int64_t row = 0; row < lists.length; ++row, to += tensor.sample_bytes()) {
    const auto* const offsets = offsets_of(lists) + row;
    if (const auto count = offsets[1] - offsets[0]; count != due) {
      on_bad(row, fmt::format("the list has {} elements, the shape {} takes {}", count,
                              fmt::join(tensor.shape, "x"), due));
      continue;
    }
    const auto first = elements.first + offsets[0] - offsets_of(lists)[0];
    cast_elements(
        {elements.dtype, elements.data, first, due}, due, tensor.dtype, to, due,
        [&](std::int64_t, std::string what) { on_bad(row, std::move(what)); }, allow_nan);
  }
}

std::shared_ptr<arrow::Array> row_numbers(const std::shared_ptr<arrow::DataType>& type,
                                          std::int64_t first, std::int64_t rows) {
  std::shared_ptr<arrow::Buffer> values =
      make_buffer(rows * static_cast<std::int64_t>(sizeof(std::int64_t)));
  auto* const numbers = reinterpret_cast<std::int64_t*>(values->mutable_data());
  std::iota(numbers, numbers + rows, first);
  return tensor_array(type, rows, std::move(values));
}

/// `names` are text, whole numbers, or numbers of the classes that the source has for them.
std::shared_ptr<arrow::Array> class_numbers(const ClassNumbers& classes, const arrow::Array& names,
                                            const ColumnSpec& spec,
                                            const std::shared_ptr<arrow::DataType>& type,
                                            const OnBadRow& on_bad) {
  std::shared_ptr<arrow::Buffer> values =
      make_buffer(names.length() * static_cast<std::int64_t>(sizeof(std::int64_t)));
  auto* const numbers = reinterpret_cast<std::int64_t*>(values->mutable_data());
  const auto number = [&](std::int64_t row, std::string_view name) {
    const auto found = classes.find(name);
    numbers[row] = found.value_or(0);
    if (!found) on_bad(row, classes.describe_unknown(spec.name, name));
  };
  for (std::int64_t row = 0; row < names.length(); ++row) {
    if (spec.kind == ColumnKind::kString) {
      number(row, static_cast<const arrow::StringArray&>(names).GetView(row));
      continue;
    }
    const auto value = whole_at(view_of(*names.data(), spec.dtype), row);
    if (spec.classes.empty()) {
      number(row, std::to_string(value));
    } else if (value >= 0 && value < std::ssize(spec.classes)) {
      number(row, spec.classes[static_cast<std::size_t>(value)]);
    } else {
      numbers[row] = 0;
      on_bad(row, fmt::format("column {}: {} is the number of no class, 0 to {}; {} takes the "
                              "numbers without their names",
                              in_quotes(spec.name), value, spec.classes.size() - 1,
                              option_name("schema")));
    }
  }
  return tensor_array(type, names.length(), std::move(values));
}

/// Elements in these rows of a column.
std::uint64_t elements_in(const arrow::ArrayData& data, const ColumnSpec& spec, std::int64_t first,
                          std::int64_t end) {
  if (spec.kind == ColumnKind::kTensor)
    return static_cast<std::uint64_t>((end - first) * spec.elements());
  if (data.length == 0) return 0;
  return static_cast<std::uint64_t>(offsets_of(data)[end] - offsets_of(data)[first]);
}

}  // namespace

Projection::Projection(const std::string& where, std::vector<TypedColumn> source,
                       const SourceOptions& options)
    : source_(std::move(source)), allow_nan_(options.allow_nan) {
  arrow::util::InitializeUTF8();
  std::vector<std::string> names;
  for (const auto& column : source_) names.push_back(column.spec.name);
  const auto choice = choose_columns(options, names);
  used_ = choice.others;
  for (const auto& columns : choice.tensors)
    used_.insert(used_.end(), columns.begin(), columns.end());
  std::sort(used_.begin(), used_.end());
  used_.erase(std::unique(used_.begin(), used_.end()), used_.end());
  for (std::size_t i = 0; i < options.tensors.size(); ++i)
    add_tensor(options.tensors[i], choice.tensors[i], where);
  for (const auto column : choice.others) add_other(column, options, where);
  if (!options.row_number.empty())
    outputs_.push_back({{options.row_number, ColumnKind::kTensor, DType::kInt64, {}}});
  for (const auto& output : outputs_) {
    schema_.columns.push_back(output.spec);
    if (output.spec.kind == ColumnKind::kTensor) fixed_bytes_ += output.spec.sample_bytes();
  }
  check_schema(schema_, where);
  arrow_schema_ = schema_.to_arrow();
}

std::size_t Projection::place_of(std::size_t column) const {
  return static_cast<std::size_t>(std::lower_bound(used_.begin(), used_.end(), column) -
                                  used_.begin());
}

const TypedColumn& Projection::held(std::size_t column, const std::string& where) const {
  if (source_[column].refusal.empty()) return source_[column];
  throw Error(ErrorCode::kBadData, fmt::format("{}: {}, or leave the column out with {}", where,
                                               source_[column].refusal, option_name("drop")));
}

void Projection::add_tensor(const TensorSpec& tensor, const Places& columns,
                            const std::string& where) {
  Output output;
  std::int64_t elements = 0;
  for (const auto column : columns) {
    const auto& spec = held(column, where).spec;
    const bool is_list = spec.kind == ColumnKind::kList;
    if (spec.kind != ColumnKind::kTensor && !(is_list && columns.size() == 1)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} {}: column {} is {}, which makes no tensor{}; choose columns of "
                              "numbers",
                              option_name("tensor"), tensor.name, in_quotes(spec.name),
                              spec.type_name(), is_list ? " with others" : ""));
    }
    elements += spec.elements();
    output.parts.push_back(place_of(column));
  }
  const auto& first = used_spec(output.parts[0]);
  const bool is_list = first.kind == ColumnKind::kList;
  if (is_list) elements = ColumnSpec{{}, ColumnKind::kTensor, {}, tensor.shape}.elements();
  output.spec = column_of(tensor, elements, first.dtype);
  output.copied = columns.size() > 1 || is_list || first.dtype != output.spec.dtype;
  outputs_.push_back(std::move(output));
}

void Projection::add_other(std::size_t column, const SourceOptions& options,
                           const std::string& where) {
  const auto& spec = held(column, where).spec;
  Output output{spec, {place_of(column)}};
  if (const auto* const classes = find_class_column(options, spec.name)) {
    output.spec = class_column_of(spec, classes->names.empty() ? spec.classes : classes->names);
  } else if (const auto* const type = find_type(options, spec.name); type && *type != spec) {
    const bool is_list = spec.kind == ColumnKind::kList;
    const bool is_tensor = spec.kind == ColumnKind::kTensor;
    const bool fits =
        type->kind == ColumnKind::kTensor
            ? is_list || (is_tensor && spec.elements() == type->elements())
            : type->kind == ColumnKind::kList && (is_list || (is_tensor && spec.shape.size() == 1));
    if (!fits) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: column {} is {}, which does not become {}; cast it before",
                              option_name("schema"), in_quotes(spec.name), spec.type_name(),
                              type->type_name()));
    }
    output.spec = *type;
    output.copied = true;
  }
  if (!output.spec.classes.empty()) {
    output.classes.emplace(output.spec.classes);
    output.copied = true;
  }
  outputs_.push_back(std::move(output));
}

bool Projection::copies() const noexcept {
  return std::any_of(outputs_.begin(), outputs_.end(),
                     [](const Output& output) { return output.copied || output.parts.empty(); });
}

std::uint64_t Projection::row_bytes() const noexcept {
  std::uint64_t bytes = 1;
  for (const auto column : used_) {
    if (source_[column].spec.kind == ColumnKind::kTensor)
      bytes += source_[column].spec.sample_bytes();
  }
  for (const auto& output : outputs_) {
    if (output.copied) bytes += output.spec.sample_bytes();
  }
  return bytes;
}

std::shared_ptr<arrow::RecordBatch> Projection::project(const arrow::ArrayVector& arrays,
                                                        std::int64_t rows, std::int64_t first,
                                                        RowFaults& faults) const {
  for (std::size_t i = 0; i < used_.size(); ++i)
    check_values(arrays[i]->data(), used_spec(i), i, allow_nan_, faults);
  check_sizes(arrays, rows, faults);
  arrow::ArrayVector results;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto& type = arrow_schema_->field(static_cast<int>(i))->type();
    results.push_back(made(outputs_[i], type, arrays, rows, first, faults));
  }
  return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(results));
}

std::shared_ptr<arrow::Array> Projection::made(const Output& output,
                                               const std::shared_ptr<arrow::DataType>& type,
                                               const arrow::ArrayVector& arrays, std::int64_t rows,
                                               std::int64_t first, RowFaults& faults) const {
  if (output.parts.empty()) return row_numbers(type, first, rows);
  const auto part = output.parts[0];
  const auto& data = arrays[part]->data();
  if (output.classes) {
    return class_numbers(*output.classes, *arrays[part], used_spec(part), type,
                         [&](std::int64_t row, std::string what) {
                           faults.try_emplace(row, RowFault{part, std::move(what)});
                         });
  }
  if (output.spec.kind == ColumnKind::kList && output.copied) {
    const auto elements = elements_of(data, used_spec(part));
    return cast_list(
        *data, view_of(*elements, used_spec(part).dtype), used_spec(part), output.spec, type,
        allow_nan_, [&](std::int64_t element, const std::string& what) {
          faults.try_emplace(
              row_of(data, used_spec(part), element),
              RowFault{part, fmt::format("column {}: {}", in_quotes(output.spec.name), what)});
        });
  }
  if (output.copied) return pack(output, type, arrays, rows, faults);
  if (output.spec.kind != ColumnKind::kTensor) return as_it_is(data, output.spec, type);
  return reshaped(elements_of(data, used_spec(part)), type, rows);
}

void Projection::check_sizes(const arrow::ArrayVector& arrays, std::int64_t rows,
                             RowFaults& faults) const {
  const auto bytes_of = [&](std::int64_t first, std::int64_t end) {
    std::uint64_t bytes = fixed_bytes_;
    for (const auto& output : outputs_) {
      if (output.spec.kind == ColumnKind::kTensor) continue;
      const auto part = output.parts[0];
      bytes += elements_in(*arrays[part]->data(), used_spec(part), first, end) *
               size_of(output.spec.dtype);
    }
    return bytes;
  };
  if (bytes_of(0, rows) <= kSampleBytesMax) return;  // together, and each of them too
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto bytes = bytes_of(row, row + 1);
    if (bytes > kSampleBytesMax) faults.try_emplace(row, RowFault{0, describe_size(bytes)});
  }
}

std::shared_ptr<arrow::Array> Projection::pack(const Output& output,
                                               const std::shared_ptr<arrow::DataType>& type,
                                               const arrow::ArrayVector& arrays, std::int64_t rows,
                                               RowFaults& faults) const {
  std::shared_ptr<arrow::Buffer> values =
      make_buffer(rows * static_cast<std::int64_t>(output.spec.sample_bytes()));
  std::uint8_t* to = values->mutable_data();
  for (const auto part : output.parts) {
    const auto& spec = used_spec(part);
    const auto& data = arrays[part]->data();
    const auto add = [&](std::int64_t row, const std::string& what) {
      faults.try_emplace(row,
                         RowFault{part, fmt::format("column {}: {}", in_quotes(spec.name), what)});
    };
    const auto on_bad = [&](std::int64_t element, const std::string& what) {
      add(row_of(data, spec, element), what);
    };
    const auto elements = elements_of(data, spec);
    if (spec.kind == ColumnKind::kList) {
      cast_lists(*data, view_of(*elements, spec.dtype), output.spec, allow_nan_, to, add);
      continue;
    }
    cast_elements(view_of(*elements, spec.dtype), spec.elements(), output.spec.dtype, to,
                  output.spec.elements(), on_bad, allow_nan_);
    to += static_cast<std::size_t>(spec.elements()) * size_of(output.spec.dtype);
  }
  if (output.spec.dtype == DType::kBool)
    values = pack_bools(values->data(), rows * output.spec.elements());
  return tensor_array(type, rows, std::move(values));
}

arrow::RecordBatchVector good_runs(const std::shared_ptr<arrow::RecordBatch>& batch,
                                   const RowFaults& faults) {
  if (faults.empty()) return {batch};
  arrow::RecordBatchVector runs;
  std::int64_t begin = 0;
  for (const auto& [row, fault] : faults) {
    if (row > begin) runs.push_back(batch->Slice(begin, row - begin));
    begin = row + 1;
  }
  if (begin < batch->num_rows()) runs.push_back(batch->Slice(begin));
  return runs;
}

}  // namespace ringfeed
