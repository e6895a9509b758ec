// Arrow's IPC writer and reader, held to exact lengths and to no allocation on decode.
#include "dataset/chunk.hpp"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/extension_type.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/message.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/binary_view_util.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ringfeed/error.hpp>
#include <string>
#include <utility>

#include "base/byte_order.hpp"
#include "base/meter.hpp"
#include "base/option.hpp"
#include "dataset/arrow_status.hpp"

namespace ringfeed {
namespace {

constexpr std::uint32_t kContinuation = 0xFFFFFFFF;
constexpr std::int64_t kPrefixBytes = 8;
constexpr const char* kByteOrder = "ringfeed.byte_order";
Counter chunks_encoded;
Counter chunks_decoded;
constexpr std::string_view kRemedy = "; restore the file from a copy, or ingest again";

arrow::ipc::IpcWriteOptions write_options() {
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  return options;
}

/// Decoding copies nothing, so whatever asks for memory is no chunk (a compressed body that claims
/// a huge size).
arrow::MemoryPool* no_memory() {
  static arrow::CappedMemoryPool pool(arrow::default_memory_pool(), 0);
  return &pool;
}

const arrow::DataType& storage_of(const arrow::DataType& type) {
  if (type.id() != arrow::Type::EXTENSION) return type;
  return *static_cast<const arrow::ExtensionType&>(type).storage_type();
}

/// Field names of list items and nullability differ between writers and say nothing about the
/// bytes.
bool same_layout(const arrow::DataType& left, const arrow::DataType& right) {
  if (left.id() != right.id() || left.num_fields() != right.num_fields()) return false;
  switch (left.id()) {
    case arrow::Type::FIXED_SIZE_LIST:
      return static_cast<const arrow::FixedSizeListType&>(left).list_size() ==
                 static_cast<const arrow::FixedSizeListType&>(right).list_size() &&
             left.field(0)->type()->Equals(right.field(0)->type());
    case arrow::Type::LIST:
      return left.field(0)->type()->Equals(right.field(0)->type());
    default:
      return left.Equals(right);
  }
}

bool has_nulls(const arrow::ArrayData& data) {
  if (data.GetNullCount() != 0) return true;
  for (const auto& child : data.child_data) {
    if (has_nulls(*child)) return true;
  }
  return false;
}

const std::byte* bytes_of(const arrow::ArrayData& data, int buffer) {
  const auto& each = data.buffers[static_cast<std::size_t>(buffer)];
  return each == nullptr ? nullptr : reinterpret_cast<const std::byte*>(each->data());
}

/// Elements of one fixed-width type, from element `first` of the array on.
void view_elements(const arrow::ArrayData& data, std::int64_t first, const ColumnSpec& spec,
                   ColumnView& view) {
  const std::byte* const base = bytes_of(data, 1);
  view.element_bytes = size_of(spec.dtype);
  if (spec.dtype == DType::kBool) {
    view.bit_packed = true;
    view.data = base;
    view.bit_offset = data.offset + first;
    return;
  }
  if (base != nullptr)
    view.data = base + static_cast<std::size_t>(data.offset + first) * view.element_bytes;
}

ColumnView view_of(const arrow::ArrayData& data, const ColumnSpec& spec) {
  ColumnView view;
  if (spec.kind == ColumnKind::kTensor) {
    if (storage_of(*data.type).id() == arrow::Type::FIXED_SIZE_LIST) {
      view_elements(*data.child_data[0], data.offset * spec.elements(), spec, view);
    } else {
      view_elements(data, 0, spec, view);
    }
    if (!view.bit_packed) view.stride_bytes = spec.sample_bytes();
    return view;
  }
  static constexpr std::int32_t kNone[1] = {0};  // an empty array may have no offsets at all
  const auto* const offsets = reinterpret_cast<const std::int32_t*>(bytes_of(data, 1));
  view.offsets = offsets == nullptr ? kNone : offsets + data.offset;
  if (spec.kind == ColumnKind::kList) {
    view_elements(*data.child_data[0], 0, spec, view);
  } else {
    view.element_bytes = 1;
    view.data = bytes_of(data, 2);
  }
  return view;
}

/// Memory that something else keeps.
class KeptBuffer final : public arrow::Buffer {
 public:
  KeptBuffer(const char* data, std::size_t size, std::shared_ptr<const void> owner)
      : Buffer(reinterpret_cast<const std::uint8_t*>(data), static_cast<std::int64_t>(size)),
        owner_(std::move(owner)) {}

 private:
  std::shared_ptr<const void> owner_;
};

ColumnView scattered_view(const arrow::ArrayData& data, const arrow::Field& field,
                          const ColumnSpec& spec) {
  ColumnView view;
  view.element_bytes = size_of(spec.dtype);
  const auto order = field.HasMetadata() ? field.metadata()->Get(kByteOrder) : std::string();
  view.swapped = order.ok() && *order == "big";
  const auto* const places = data.GetValues<arrow::BinaryViewType::c_type>(1);
  std::vector<const std::byte*> samples;
  samples.reserve(static_cast<std::size_t>(data.length));
  for (std::int64_t i = 0; i < data.length; ++i) {
    const auto& place = places[i].ref;
    samples.push_back(bytes_of(data, place.buffer_index + 2) + place.offset);
  }
  view.scattered = std::make_shared<const std::vector<const std::byte*>>(std::move(samples));
  return view;
}

std::shared_ptr<arrow::Buffer> exact_bits(const arrow::ArrayData& data) {
  auto bits =
      value_of(arrow::internal::CopyBitmap(arrow::default_memory_pool(), data.buffers[1]->data(),
                                           data.offset, data.length),
               "encoding a chunk");
  if (data.length % 8 != 0) {
    bits->mutable_data()[data.length / 8] &=
        static_cast<std::uint8_t>((1 << (data.length % 8)) - 1);
  }
  return arrow::SliceBuffer(std::move(bits), 0, arrow::bit_util::BytesForBits(data.length));
}

/// Offsets that start at 0; `first` is what they started at.
std::shared_ptr<arrow::Buffer> exact_offsets(const arrow::ArrayData& data, std::int64_t& first) {
  const auto* const offsets = data.GetValues<std::int32_t>(1);
  const std::int64_t bytes = (data.length + 1) * static_cast<std::int64_t>(sizeof(std::int32_t));
  first = offsets[0];
  if (first == 0)
    return arrow::SliceBuffer(data.buffers[1],
                              data.offset * static_cast<std::int64_t>(sizeof(std::int32_t)), bytes);
  std::shared_ptr<arrow::Buffer> moved = value_of(arrow::AllocateBuffer(bytes), "encoding a chunk");
  auto* const out = reinterpret_cast<std::int32_t*>(moved->mutable_data());
  for (std::int64_t i = 0; i <= data.length; ++i) out[i] = offsets[i] - offsets[0];
  return moved;
}

/// The same values in buffers that hold nothing else: Arrow writes buffers whole, with whatever is
/// behind the values of a slice. Copies only bits and moved offsets.
std::shared_ptr<arrow::ArrayData> exact(const arrow::ArrayData& data) {
  const auto& type = storage_of(*data.type);
  auto result = arrow::ArrayData::Make(data.type, data.length, {nullptr}, 0);
  std::int64_t first = 0;
  switch (type.id()) {
    case arrow::Type::FIXED_SIZE_LIST: {
      const std::int64_t size = static_cast<const arrow::FixedSizeListType&>(type).list_size();
      result->child_data = {
          exact(*data.child_data[0]->Slice(data.offset * size, data.length * size))};
      return result;
    }
    case arrow::Type::LIST: {
      result->buffers.push_back(exact_offsets(data, first));
      const std::int64_t count = data.GetValues<std::int32_t>(1)[data.length] - first;
      result->child_data = {exact(*data.child_data[0]->Slice(first, count))};
      return result;
    }
    case arrow::Type::STRING:
    case arrow::Type::BINARY: {
      result->buffers.push_back(exact_offsets(data, first));
      const std::int64_t count = data.GetValues<std::int32_t>(1)[data.length] - first;
      result->buffers.push_back(count == 0 ? std::make_shared<arrow::Buffer>(nullptr, 0)
                                           : arrow::SliceBuffer(data.buffers[2], first, count));
      return result;
    }
    default:
      break;
  }
  if (data.length == 0) {
    result->buffers.push_back(std::make_shared<arrow::Buffer>(nullptr, 0));
  } else if (type.id() == arrow::Type::BOOL) {
    result->buffers.push_back(exact_bits(data));
  } else {
    const std::int64_t width = type.byte_width();
    result->buffers.push_back(
        arrow::SliceBuffer(data.buffers[1], data.offset * width, data.length * width));
  }
  return result;
}

}  // namespace

ChunkConversions chunk_conversions() noexcept {
  return {chunks_encoded.value(), chunks_decoded.value()};
}

void check_columns(const arrow::RecordBatch& batch, const Schema& schema, std::string_view where) {
  const auto expected = schema.to_arrow();
  if (batch.num_columns() != expected->num_fields()) {
    throw Error(ErrorCode::kBadData, fmt::format("{}: {} columns where the schema has {}", where,
                                                 batch.num_columns(), expected->num_fields()));
  }
  for (int i = 0; i < batch.num_columns(); ++i) {
    const auto& data = *batch.column_data(i);
    const auto& field = *expected->field(i);
    if (batch.column_name(i) != field.name() ||
        !same_layout(storage_of(*data.type), *field.type())) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: column {} is {} {} where the schema has {} {}", where, i,
                              batch.column_name(i), data.type->ToString(), field.name(),
                              field.type()->ToString()));
    }
    if (has_nulls(data)) {
      throw Error(
          ErrorCode::kBadData,
          fmt::format("{}: column {} has nulls, which a sample cannot hold", where, field.name()));
    }
  }
}

std::shared_ptr<arrow::Buffer> encode_chunk(const arrow::RecordBatch& batch) {
  constexpr std::string_view kWhere = "encoding a chunk";
  chunks_encoded.add();
  if (batch.num_rows() == 0) throw Error(ErrorCode::kInternal, "a chunk needs at least one sample");
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(exact(*batch.column_data(i)));
  const auto exact_batch =
      arrow::RecordBatch::Make(batch.schema(), batch.num_rows(), std::move(columns));
  const auto options = write_options();
  arrow::ipc::IpcPayload payload;
  check(arrow::ipc::GetRecordBatchPayload(*exact_batch, options, &payload), kWhere);
  const std::int64_t size = arrow::ipc::GetPayloadSize(payload, options);
  if (size > static_cast<std::int64_t>(kChunkBytesMax)) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format(
            "a chunk of {} samples would take {} bytes, the limit is {}; choose smaller chunks "
            "({}) or samples",
            batch.num_rows(), size, kChunkBytesMax, option_name("chunk-bytes")));
  }
  auto stream = value_of(arrow::io::BufferOutputStream::Create(size), kWhere);
  std::int32_t metadata_bytes = 0;
  check(arrow::ipc::WriteIpcPayload(payload, options, stream.get(), &metadata_bytes), kWhere);
  return value_of(stream->Finish(), kWhere);
}

std::shared_ptr<arrow::RecordBatch> decode_chunk(std::shared_ptr<arrow::Buffer> bytes,
                                                 const std::shared_ptr<arrow::Schema>& arrow_schema,
                                                 std::uint32_t samples, std::string_view where) {
  const auto bad = [&](std::string_view what) {
    return Error(ErrorCode::kBadData, fmt::format("{}: {}{}", where, what, kRemedy));
  };
  const auto ok = [&](const arrow::Status& status) {
    if (status.ok()) return;
    std::string text = status.message();
    for (char& c : text) {
      if (c == '\n') c = ' ';
    }
    throw bad(fmt::format("not a chunk: {}", text));
  };
  chunks_decoded.add();
  const std::int64_t size = bytes->size();
  if (size < kPrefixBytes || size > static_cast<std::int64_t>(kChunkBytesMax)) {
    throw bad(fmt::format("a chunk cannot have {} bytes", size));
  }
  std::uint32_t prefix[2];
  std::memcpy(prefix, bytes->data(), sizeof(prefix));
  if (prefix[0] != kContinuation || prefix[1] % 8 != 0 || prefix[1] > size - kPrefixBytes) {
    throw bad("not a chunk: its first bytes are wrong");
  }
  const std::int64_t body_at = kPrefixBytes + prefix[1];
  auto message = arrow::ipc::ReadMessage(arrow::SliceBuffer(bytes, 0, body_at),
                                         arrow::SliceBuffer(bytes, body_at, size - body_at));
  ok(message.status());
  if (*message == nullptr || (*message)->type() != arrow::ipc::MessageType::RECORD_BATCH ||
      (*message)->body_length() != size - body_at) {
    throw bad("not a chunk: another kind of message, or bytes missing or too many");
  }
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  options.memory_pool = no_memory();
  const arrow::ipc::DictionaryMemo no_dictionaries;
  auto decoded = arrow::ipc::ReadRecordBatch(**message, arrow_schema, &no_dictionaries, options);
  ok(decoded.status());
  auto batch = std::move(decoded).ValueUnsafe();
  if (batch->num_rows() != static_cast<std::int64_t>(samples)) {
    throw bad(fmt::format("{} samples where the manifest has {}", batch->num_rows(), samples));
  }
  ok(batch->ValidateFull());
  for (int i = 0; i < batch->num_columns(); ++i) {
    if (has_nulls(*batch->column_data(i))) {
      throw bad(fmt::format("column {} has nulls", batch->column_name(i)));
    }
  }
  return batch;
}

std::shared_ptr<arrow::ArrayData> scattered_column(const Scattered& scattered) {
  const auto& samples = scattered.samples;
  const auto rows = static_cast<std::int64_t>(samples.size());
  using View = arrow::BinaryViewType::c_type;
  std::shared_ptr<arrow::Buffer> views = value_of(
      arrow::AllocateBuffer(rows * static_cast<std::int64_t>(sizeof(View))), "scattered samples");
  auto* const view = reinterpret_cast<View*>(views->mutable_data());
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {nullptr, std::move(views)};
  for (std::size_t run = 0; run < scattered.starts.size(); ++run) {
    const std::size_t first = scattered.starts[run];
    const std::size_t end =
        run + 1 < scattered.starts.size() ? scattered.starts[run + 1] : samples.size();
    if (first == end) continue;
    const char* base = samples[first].data();
    const char* top = base;
    for (std::size_t i = first; i < end; ++i) {
      base = std::min(base, samples[i].data());
      top = std::max(top, samples[i].data() + samples[i].size());
    }
    const auto index = static_cast<std::int32_t>(buffers.size() - 2);
    for (std::size_t i = first; i < end; ++i) {
      const auto bytes = static_cast<std::int32_t>(samples[i].size());
      view[i] = arrow::util::ToNonInlineBinaryView(
          samples[i].data(), bytes, index, static_cast<std::int32_t>(samples[i].data() - base));
    }
    buffers.push_back(std::make_shared<KeptBuffer>(base, static_cast<std::size_t>(top - base),
                                                   scattered.owners[run]));
  }
  return arrow::ArrayData::Make(arrow::binary_view(), rows, std::move(buffers), 0);
}

std::shared_ptr<arrow::Field> scattered_field(const arrow::Field& field, bool swapped) {
  return arrow::field(field.name(), arrow::binary_view(), false,
                      arrow::key_value_metadata({{kByteOrder, swapped ? "big" : "little"}}));
}

std::shared_ptr<arrow::RecordBatch> gathered(const std::shared_ptr<arrow::RecordBatch>& batch,
                                             const Schema& schema) {
  const auto is_scattered = [](const auto& field) {
    return field->type()->id() == arrow::Type::BINARY_VIEW;
  };
  if (std::ranges::none_of(batch->schema()->fields(), is_scattered)) return batch;
  const auto arrow_schema = schema.to_arrow();
  const auto views = column_views(*batch, schema);
  const auto rows = batch->num_rows();
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (std::size_t c = 0; c < views.size(); ++c) {
    if (views[c].scattered == nullptr) {
      columns.push_back(batch->column_data(static_cast<int>(c)));
      continue;
    }
    const ColumnSpec& spec = schema.columns[c];
    const std::size_t bytes = spec.sample_bytes();
    std::shared_ptr<arrow::Buffer> values = value_of(
        arrow::AllocateBuffer(static_cast<std::int64_t>(bytes) * rows), "gathering samples");
    std::uint8_t* to = values->mutable_data();
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row, to += bytes) {
      if (views[c].swapped)
        swap_4(views[c].sample(row), bytes / 4, to);
      else
        std::memcpy(to, views[c].sample(row), bytes);
    }
    const auto& type = arrow_schema->field(static_cast<int>(c))->type();
    const auto& item = storage_of(*type).field(0)->type();
    auto child =
        arrow::ArrayData::Make(item, rows * spec.elements(), {nullptr, std::move(values)}, 0);
    columns.push_back(arrow::ArrayData::Make(type, rows, {nullptr}, {std::move(child)}, 0));
  }
  return arrow::RecordBatch::Make(arrow_schema, rows, std::move(columns));
}

std::vector<ColumnView> column_views(const arrow::RecordBatch& batch, const Schema& schema) {
  std::vector<ColumnView> views;
  views.reserve(schema.columns.size());
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const int column = static_cast<int>(i);
    const auto& data = *batch.column_data(column);
    views.push_back(data.type->id() == arrow::Type::BINARY_VIEW
                        ? scattered_view(data, *batch.schema()->field(column), schema.columns[i])
                        : view_of(data, schema.columns[i]));
  }
  return views;
}

}  // namespace ringfeed
