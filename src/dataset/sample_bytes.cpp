// Bits become bytes, and what was received in the other byte order is turned round.
#include "dataset/sample_bytes.hpp"

#include "base/byte_order.hpp"

namespace ringfeed {
namespace {

void append_bits(const ColumnView& view, std::size_t first, std::size_t count, std::string& bytes) {
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t bit = static_cast<std::size_t>(view.bit_offset) + i;
    bytes.push_back(static_cast<char>((view.data[bit / 8] >> (bit % 8)) & std::byte{1}));
  }
}

void append_bytes(const std::byte* data, std::size_t count, std::string& bytes) {
  if (count > 0) bytes.append(reinterpret_cast<const char*>(data), count);
}

void append_tensor(const ColumnSpec& column, const ColumnView& view, std::size_t row,
                   std::string& bytes) {
  const auto elements = static_cast<std::size_t>(column.elements());
  if (view.bit_packed) return append_bits(view, row * elements, elements, bytes);
  const std::size_t before = bytes.size();
  if (!view.swapped) return append_bytes(view.sample(row), column.sample_bytes(), bytes);
  bytes.resize(before + column.sample_bytes());
  swap_4(view.sample(row), elements, bytes.data() + before);
}

void append_varying(const ColumnView& view, std::size_t row, std::string& bytes) {
  const auto begin = static_cast<std::size_t>(view.offsets[row]);
  const std::size_t count = static_cast<std::size_t>(view.offsets[row + 1]) - begin;
  if (view.bit_packed) return append_bits(view, begin, count, bytes);
  append_bytes(view.data + begin * view.element_bytes, count * view.element_bytes, bytes);
}

}  // namespace

void append_value(const ColumnSpec& column, const ColumnView& view, std::size_t row,
                  std::string& bytes) {
  if (view.offsets != nullptr) return append_varying(view, row, bytes);
  append_tensor(column, view, row, bytes);
}

}  // namespace ringfeed
