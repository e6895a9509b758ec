// ArrayData by hand: no builder, no copy.
#include "source/arrays.hpp"

#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "dataset/arrow_status.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kBatchBytes = std::uint64_t{16} << 20;

}  // namespace

std::shared_ptr<arrow::Array> tensor_array(const std::shared_ptr<arrow::DataType>& type,
                                           std::int64_t rows,
                                           std::shared_ptr<arrow::Buffer> values) {
  if (type->id() != arrow::Type::FIXED_SIZE_LIST) {
    return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {nullptr, std::move(values)}, 0));
  }
  const auto& list = static_cast<const arrow::FixedSizeListType&>(*type);
  const auto child = arrow::ArrayData::Make(list.value_type(), rows * list.list_size(),
                                            {nullptr, std::move(values)}, 0);
  return arrow::MakeArray(arrow::ArrayData::Make(type, rows, {nullptr}, {child}, 0));
}

std::shared_ptr<arrow::Buffer> pack_bools(const std::uint8_t* bytes, std::int64_t count) {
  std::shared_ptr<arrow::Buffer> bits = make_buffer((count + 7) / 8);
  std::uint8_t* to = bits->mutable_data();
  for (std::int64_t i = 0; i < count; i += 8) {
    std::uint8_t byte = 0;
    for (std::int64_t bit = 0; bit < 8 && i + bit < count; ++bit) {
      byte = static_cast<std::uint8_t>(byte | ((bytes[i + bit] != 0 ? 1 : 0) << bit));
    }
    *to++ = byte;
  }
  return bits;
}

std::unique_ptr<arrow::ResizableBuffer> make_buffer(std::int64_t bytes) {
  return value_of(arrow::AllocateResizableBuffer(bytes), "memory for records");
}

std::int64_t rows_of_batch(std::uint64_t row_bytes, std::int64_t rows_max) {
  return std::clamp<std::int64_t>(
      static_cast<std::int64_t>(kBatchBytes / std::max<std::uint64_t>(1, row_bytes)), 1, rows_max);
}

}  // namespace ringfeed
