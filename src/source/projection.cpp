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

#include <algorithm>
#include <functional>
#include <ringfeed/error.hpp>

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

/// Nulls, NaN and infinity, text that is not UTF-8.
void check_values(const Data& data, const ColumnSpec& spec, std::size_t column, RowFaults& faults) {
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
  check_finite(view_of(*elements, spec.dtype), [&](std::int64_t element, const std::string& what) {
    faults.try_emplace(row_of(data, spec, element),
                       RowFault{column, fmt::format("column {}: {}", name, what)});
  });
}

/// Elements in the rows of a column of varying length.
std::uint64_t elements_in(const arrow::ArrayData& data, std::int64_t first, std::int64_t end) {
  if (data.length == 0) return 0;
  return static_cast<std::uint64_t>(offsets_of(data)[end] - offsets_of(data)[first]);
}

}  // namespace

Projection::Projection(const std::string& where, std::vector<TypedColumn> source,
                       const std::vector<TensorSpec>& tensors)
    : source_(std::move(source)) {
  arrow::util::InitializeUTF8();
  if (tensors.empty()) {
    use_all(where);
  } else {
    use_tensors(where, tensors);
  }
  for (const auto& output : outputs_) {
    schema_.columns.push_back(output.spec);
    if (output.spec.kind == ColumnKind::kTensor) fixed_bytes_ += output.spec.sample_bytes();
  }
  check_schema(schema_, where);
  arrow_schema_ = schema_.to_arrow();
}

void Projection::use_all(const std::string& where) {
  for (std::size_t i = 0; i < source_.size(); ++i) {
    if (!source_[i].refusal.empty()) {
      throw Error(ErrorCode::kBadData, fmt::format("{}: {}, or choose other columns with --tensor",
                                                   where, source_[i].refusal));
    }
    used_.push_back(i);
    outputs_.push_back({source_[i].spec, {i}, false});
  }
}

void Projection::use_tensors(const std::string& where, const std::vector<TensorSpec>& tensors) {
  std::vector<std::string> names;
  for (const auto& column : source_) names.push_back(column.spec.name);
  std::vector<std::vector<std::size_t>> columns_of;
  for (const auto& tensor : tensors) {
    columns_of.push_back(find_columns(tensor, names));
    used_.insert(used_.end(), columns_of.back().begin(), columns_of.back().end());
  }
  std::sort(used_.begin(), used_.end());
  used_.erase(std::unique(used_.begin(), used_.end()), used_.end());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Output output;
    std::int64_t elements = 0;
    for (const auto column : columns_of[i]) {
      const auto& [spec, refusal] = source_[column];
      if (!refusal.empty()) throw Error(ErrorCode::kBadData, fmt::format("{}: {}", where, refusal));
      if (spec.kind != ColumnKind::kTensor) {
        throw Error(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "--tensor {}: column {} is {}, which makes no tensor; choose columns of numbers",
                tensors[i].name, in_quotes(spec.name), spec.type_name()));
      }
      elements += spec.elements();
      output.parts.push_back(static_cast<std::size_t>(
          std::lower_bound(used_.begin(), used_.end(), column) - used_.begin()));
    }
    output.spec = column_of(tensors[i], elements);
    output.copied =
        output.parts.size() > 1 || used_spec(output.parts[0]).dtype != output.spec.dtype;
    outputs_.push_back(std::move(output));
  }
}

bool Projection::copies() const noexcept {
  return std::any_of(outputs_.begin(), outputs_.end(),
                     [](const Output& output) { return output.copied; });
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
                                                        std::int64_t rows,
                                                        RowFaults& faults) const {
  for (std::size_t i = 0; i < used_.size(); ++i)
    check_values(arrays[i]->data(), used_spec(i), i, faults);
  check_sizes(arrays, rows, faults);
  arrow::ArrayVector results;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const auto& output = outputs_[i];
    const auto type = arrow_schema_->field(static_cast<int>(i))->type();
    const auto& data = arrays[output.parts[0]]->data();
    if (output.copied) {
      results.push_back(pack(output, type, arrays, rows, faults));
    } else if (output.spec.kind == ColumnKind::kTensor) {
      results.push_back(reshaped(elements_of(data, used_spec(output.parts[0])), type, rows));
    } else {
      results.push_back(as_it_is(data, output.spec, type));
    }
  }
  return arrow::RecordBatch::Make(arrow_schema_, rows, std::move(results));
}

void Projection::check_sizes(const arrow::ArrayVector& arrays, std::int64_t rows,
                             RowFaults& faults) const {
  const auto bytes_of = [&](std::int64_t first, std::int64_t end) {
    std::uint64_t bytes = fixed_bytes_;
    for (const auto& output : outputs_) {
      if (output.spec.kind == ColumnKind::kTensor) continue;
      const auto& data = *arrays[output.parts[0]]->data();
      bytes += elements_in(data, first, end) * size_of(output.spec.dtype);
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
    const auto on_bad = [&](std::int64_t element, const std::string& what) {
      faults.try_emplace(row_of(data, spec, element),
                         RowFault{part, fmt::format("column {}: {}", in_quotes(spec.name), what)});
    };
    cast_elements(view_of(*elements_of(data, spec), spec.dtype), spec.elements(), output.spec.dtype,
                  to, output.spec.elements(), on_bad);
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
