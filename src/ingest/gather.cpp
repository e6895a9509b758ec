// One pass per column; the width of the usual scalars is known to the compiler.
#include "ingest/gather.hpp"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cstring>
#include <utility>
#include <vector>

#include "dataset/arrow_status.hpp"

namespace ringfeed {
namespace {

/// One column of all batches of the segment.
class ColumnSource {
 public:
  ColumnSource(const Segment& segment, std::size_t column) : segment_(segment), column_(column) {}
  const ColumnView& operator[](std::uint32_t batch) const noexcept {
    return segment_.views(batch)[column_];
  }

 private:
  const Segment& segment_;
  std::size_t column_;
};

std::shared_ptr<arrow::Buffer> allocate(std::size_t bytes) {
  return value_of(arrow::AllocateBuffer(static_cast<std::int64_t>(bytes)), "gathering a chunk");
}

template <std::size_t kBytes>
void gather_scalars(const ColumnSource& source, std::span<const SamplePlace> places,
                    std::uint8_t* out) {
  for (const auto& place : places) {
    std::memcpy(out, source[place.batch].data + place.row * kBytes, kBytes);
    out += kBytes;
  }
}

std::shared_ptr<arrow::Buffer> gather_fixed(const ColumnSource& source,
                                            std::span<const SamplePlace> places,
                                            std::size_t bytes) {
  auto buffer = allocate(places.size() * bytes);
  std::uint8_t* out = buffer->mutable_data();
  switch (bytes) {
    case 1:
      gather_scalars<1>(source, places, out);
      break;
    case 2:
      gather_scalars<2>(source, places, out);
      break;
    case 4:
      gather_scalars<4>(source, places, out);
      break;
    case 8:
      gather_scalars<8>(source, places, out);
      break;
    default:
      for (const auto& place : places) {
        std::memcpy(out, source[place.batch].data + place.row * bytes, bytes);
        out += bytes;
      }
  }
  return buffer;
}

/// Bits one by one, into a buffer that starts as zeros.
class BitWriter {
 public:
  explicit BitWriter(std::uint64_t bits) : buffer_(allocate((bits + 7) / 8)) {
    std::memset(buffer_->mutable_data(), 0, static_cast<std::size_t>(buffer_->size()));
  }
  void append(const ColumnView& view, std::int64_t first, std::int64_t count) {
    const auto* const bits = reinterpret_cast<const std::uint8_t*>(view.data);
    for (std::int64_t i = 0; i < count; ++i) {
      if (arrow::bit_util::GetBit(bits, view.bit_offset + first + i)) {
        arrow::bit_util::SetBit(buffer_->mutable_data(), written_);
      }
      ++written_;
    }
  }
  std::shared_ptr<arrow::Buffer> finish() { return std::move(buffer_); }

 private:
  std::shared_ptr<arrow::Buffer> buffer_;
  std::int64_t written_ = 0;
};

std::shared_ptr<arrow::ArrayData> gather_tensor(const ColumnSource& source,
                                                std::span<const SamplePlace> places,
                                                const ColumnSpec& spec,
                                                const std::shared_ptr<arrow::DataType>& type) {
  const auto rows = static_cast<std::int64_t>(places.size());
  const std::int64_t elements = spec.elements();
  std::shared_ptr<arrow::Buffer> values;
  if (spec.dtype == DType::kBool) {
    BitWriter bits(static_cast<std::uint64_t>(rows * elements));
    for (const auto& place : places)
      bits.append(source[place.batch], place.row * elements, elements);
    values = bits.finish();
  } else {
    values = gather_fixed(source, places, spec.sample_bytes());
  }
  if (spec.shape.empty())
    return arrow::ArrayData::Make(type, rows, {nullptr, std::move(values)}, 0);
  auto items = arrow::ArrayData::Make(type->field(0)->type(), rows * elements,
                                      {nullptr, std::move(values)}, 0);
  return arrow::ArrayData::Make(type, rows, {nullptr}, {std::move(items)}, 0);
}

std::shared_ptr<arrow::ArrayData> gather_varying(const ColumnSource& source,
                                                 std::span<const SamplePlace> places,
                                                 const ColumnSpec& spec,
                                                 const std::shared_ptr<arrow::DataType>& type) {
  const auto rows = static_cast<std::int64_t>(places.size());
  auto offset_buffer = allocate((places.size() + 1) * sizeof(std::int32_t));
  auto* const offsets = reinterpret_cast<std::int32_t*>(offset_buffer->mutable_data());
  offsets[0] = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& view = source[places[i].batch];
    offsets[i + 1] = offsets[i] + (view.offsets[places[i].row + 1] - view.offsets[places[i].row]);
  }
  const std::int64_t elements = offsets[places.size()];
  std::shared_ptr<arrow::Buffer> values;
  if (spec.dtype == DType::kBool) {
    BitWriter bits(static_cast<std::uint64_t>(elements));
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto& view = source[places[i].batch];
      bits.append(view, view.offsets[places[i].row], offsets[i + 1] - offsets[i]);
    }
    values = bits.finish();
  } else {
    const std::size_t width = size_of(spec.dtype);
    values = allocate(static_cast<std::size_t>(elements) * width);
    std::uint8_t* out = values->mutable_data();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto& view = source[places[i].batch];
      const auto bytes = static_cast<std::size_t>(offsets[i + 1] - offsets[i]) * width;
      if (bytes == 0) continue;  // then there may be no memory to copy from
      std::memcpy(out, view.data + static_cast<std::size_t>(view.offsets[places[i].row]) * width,
                  bytes);
      out += bytes;
    }
  }
  if (spec.kind != ColumnKind::kList) {
    return arrow::ArrayData::Make(type, rows,
                                  {nullptr, std::move(offset_buffer), std::move(values)}, 0);
  }
  auto items =
      arrow::ArrayData::Make(type->field(0)->type(), elements, {nullptr, std::move(values)}, 0);
  return arrow::ArrayData::Make(type, rows, {nullptr, std::move(offset_buffer)}, {std::move(items)},
                                0);
}

}  // namespace

std::shared_ptr<arrow::RecordBatch> gather_chunk(const Segment& segment, const Schema& schema,
                                                 const std::shared_ptr<arrow::Schema>& arrow_schema,
                                                 std::span<const SamplePlace> places) {
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  columns.reserve(schema.columns.size());
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const auto& spec = schema.columns[i];
    const ColumnSource source(segment, i);
    const auto& type = arrow_schema->field(static_cast<int>(i))->type();
    columns.push_back(spec.kind == ColumnKind::kTensor
                          ? gather_tensor(source, places, spec, type)
                          : gather_varying(source, places, spec, type));
  }
  return arrow::RecordBatch::Make(arrow_schema, static_cast<std::int64_t>(places.size()),
                                  std::move(columns));
}

}  // namespace ringfeed
