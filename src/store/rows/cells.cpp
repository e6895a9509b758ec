// Cells to Arrow memory and back. A vector<float, n> is n big-endian floats in a row: swapping them
// is the hot path of reading a row table.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/float16.h>
#include <arrow/util/utf8.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <ringfeed/error.hpp>

#include "base/byte_order.hpp"
#include "base/option.hpp"
#include "cql/value.hpp"
#include "dataset/chunk.hpp"
#include "dataset/finite.hpp"
#include "store/rows/column.hpp"

namespace ringfeed::rows {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kUuidCharacters = 36;

[[noreturn]] void throw_not_finite(std::size_t row) {
  throw BadCell{row,
                fmt::format("it has NaN or infinity; attach with {} where such values are meant",
                            option_name("allow-nan"))};
}

/// Between the order of CQL and that of this machine, either way; elements of 1, 2, 4 or 8 bytes.
void swap_elements(const char* from, std::size_t count, std::size_t element_bytes, char* to) {
  switch (element_bytes) {
    case 2:
      for (std::size_t i = 0; i < count; ++i) {
        std::uint16_t bits;
        std::memcpy(&bits, from + 2 * i, 2);
        bits = __builtin_bswap16(bits);
        std::memcpy(to + 2 * i, &bits, 2);
      }
      return;
    case 4:
      return swap_4(from, count, to);
    case 8:
      for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t bits;
        std::memcpy(&bits, from + 8 * i, 8);
        bits = __builtin_bswap64(bits);
        std::memcpy(to + 8 * i, &bits, 8);
      }
      return;
    default:
      if (count > 0) std::memcpy(to, from, count);
  }
}

/// Elements of these have a length before each in a vector: Cassandra's types for them are of
/// varying length.
bool has_lengths(CqlKind kind) { return kind == CqlKind::kTinyint || kind == CqlKind::kSmallint; }

std::shared_ptr<arrow::Buffer> allocate(std::uint64_t bytes) {
  auto buffer = arrow::AllocateBuffer(static_cast<std::int64_t>(bytes));
  if (!buffer.ok()) throw Error(ErrorCode::kInternal, buffer.status().ToString());
  return std::shared_ptr<arrow::Buffer>(std::move(*buffer));
}

std::shared_ptr<arrow::DataType> arrow_type_of(const ColumnSpec& spec) {
  return Schema{{spec}}.to_arrow()->field(0)->type();
}

/// The elements of a vector or a list one behind the other, still big-endian. In `cell` itself
/// where they lie like that, else in `scratch`.
std::string_view elements_of(const CqlType& type, std::string_view cell, std::string& scratch) {
  const std::size_t size = *cell_bytes(type.kind);
  if (type.form == CqlType::Form::kScalar) {
    if (cell.size() != size) throw BadCell{0, fmt::format("{} bytes, not {}", cell.size(), size)};
    return cell;
  }
  if (type.form == CqlType::Form::kVector && !has_lengths(type.kind)) {
    const auto bytes = size * static_cast<std::size_t>(type.dimension);
    if (cell.size() != bytes) throw BadCell{0, fmt::format("{} bytes, not {}", cell.size(), bytes)};
    return cell;
  }
  const bool list = type.form == CqlType::Form::kList;
  std::size_t at = list ? 4 : 0;
  const std::size_t prefix = list ? 4 : 1;
  if (cell.size() < at) throw BadCell{0, "a list without a length"};
  const auto count =
      list ? std::int64_t{cql::read_big_endian<std::int32_t>(cell.data())} : type.dimension;
  scratch.clear();
  for (std::int64_t i = 0; i < count; ++i, at += prefix + size) {
    if (cell.size() < at + prefix) throw BadCell{0, "elements are missing"};
    const std::int64_t length =
        list ? std::int64_t{cql::read_big_endian<std::int32_t>(cell.data() + at)}
             : std::int64_t{static_cast<unsigned char>(cell[at])};
    if (length < 0) throw BadCell{0, fmt::format("element {} is null", i)};
    if (length != static_cast<std::int64_t>(size) || cell.size() < at + prefix + size)
      throw BadCell{0, fmt::format("element {} has {} bytes, not {}", i, length, size)};
    scratch.append(cell, at + prefix, size);
  }
  if (count < 0 || at != cell.size()) throw BadCell{0, "bytes behind the last element"};
  return scratch;
}

/// Big-endian elements of the CQL kind as elements of the dtype in this machine's order, a bool in
/// a byte.
void convert(CqlKind kind, DType dtype, std::string_view elements, std::size_t count, char* to) {
  const std::size_t size = *cell_bytes(kind);
  if (dtype == *dtype_of(kind)) return swap_elements(elements.data(), count, size, to);
  for (std::size_t i = 0; i < count; ++i) {
    if (dtype == DType::kUInt8) {
      const auto value = cql::read_big_endian<std::int16_t>(elements.data() + 2 * i);
      if (value < 0 || value > 255) throw BadCell{0, fmt::format("{} is no uint8", value)};
      to[i] = static_cast<char>(value);
      continue;
    }
    const auto value =
        std::bit_cast<float>(cql::read_big_endian<std::int32_t>(elements.data() + 4 * i));
    const auto half = arrow::util::Float16::FromFloat(value);
    if (!std::isnan(value) && half.ToFloat() != value)
      throw BadCell{0, fmt::format("{} is no float16", value)};
    const std::uint16_t bits = half.bits();
    std::memcpy(to + 2 * i, &bits, 2);
  }
}

/// Booleans in bytes as Arrow's bits.
std::shared_ptr<arrow::Buffer> pack_bits(std::string_view bytes) {
  auto bits = allocate((bytes.size() + 7) / 8);
  std::memset(bits->mutable_data(), 0, static_cast<std::size_t>(bits->size()));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (static_cast<unsigned char>(bytes[i]) > 1) throw BadCell{0, "a bool is 0 or 1"};
    if (bytes[i] != 0) bits->mutable_data()[i / 8] |= static_cast<std::uint8_t>(1 << (i % 8));
  }
  return bits;
}

/// Throws BadCell.
std::string_view not_null(std::string_view cell) {
  if (cell.data() == nullptr) throw BadCell{0, "null, which a sample cannot hold"};
  return cell;
}

/// Calls `each` for every cell; what is wrong gets the row's number.
template <typename Each>
void for_each_cell(std::span<const std::string_view> cells, const Each& each) {
  for (std::size_t row = 0; row < cells.size(); ++row) {
    try {
      each(row, not_null(cells[row]));
    } catch (BadCell& bad) {
      bad.row = row;
      throw;
    }
  }
}

/// Elements of tensors in one piece of memory.
std::shared_ptr<arrow::ArrayData> decode_tensors(const ColumnSpec& spec, const CqlType& type,
                                                 std::span<const std::string_view> cells) {
  const auto elements = static_cast<std::size_t>(spec.elements());
  const std::size_t bytes = spec.sample_bytes();
  // No value is wider than its cell: behind one that is too short, which is refused below, no
  // memory is needed, whatever the type claims.
  const auto whole = std::ranges::find_if(cells, [&](auto cell) { return cell.size() < bytes; });
  auto values = allocate(bytes * static_cast<std::size_t>(whole - cells.begin()));
  char* const to = reinterpret_cast<char*>(values->mutable_data());
  std::string scratch;
  for_each_cell(cells, [&](std::size_t row, std::string_view cell) {
    if (type.kind == CqlKind::kBlob) {
      if (cell.size() != bytes) {
        throw BadCell{
            0, fmt::format("{} bytes, where {} takes {}", cell.size(), spec.type_name(), bytes)};
      }
      std::memcpy(to + row * bytes, cell.data(), bytes);
      return;
    }
    const auto found = elements_of(type, cell, scratch);
    const std::size_t count = found.size() / *cell_bytes(type.kind);
    if (count != elements) {
      throw BadCell{
          0, fmt::format("{} elements, where {} takes {}", count, spec.type_name(), elements)};
    }
    convert(type.kind, spec.dtype, found, elements, to + row * bytes);
  });
  const auto rows = static_cast<std::int64_t>(cells.size());
  if (spec.dtype == DType::kBool) values = pack_bits({to, bytes * cells.size()});
  const auto arrow_type = arrow_type_of(spec);
  if (spec.shape.empty()) return arrow::ArrayData::Make(arrow_type, rows, {nullptr, values}, 0);
  const auto& item = static_cast<const arrow::FixedSizeListType&>(*arrow_type).value_type();
  const auto child =
      arrow::ArrayData::Make(item, rows * spec.elements(), {nullptr, std::move(values)}, 0);
  return arrow::ArrayData::Make(arrow_type, rows, {nullptr}, {child}, 0);
}

/// Values of varying length: `size_of_cell` bytes or elements each, which `write` puts down.
template <typename Size, typename Write>
std::shared_ptr<arrow::ArrayData> decode_varying(const ColumnSpec& spec, std::size_t element_bytes,
                                                 std::span<const std::string_view> cells,
                                                 const Size& size_of_cell, const Write& write) {
  auto offsets = allocate(sizeof(std::int32_t) * (cells.size() + 1));
  auto* const starts = reinterpret_cast<std::int32_t*>(offsets->mutable_data());
  std::uint64_t total = 0;
  starts[0] = 0;
  for_each_cell(cells, [&](std::size_t row, std::string_view cell) {
    total += size_of_cell(cell);
    if (total > std::uint64_t{std::numeric_limits<std::int32_t>::max()})
      throw BadCell{0, "the rows of a block are longer than 2 GiB; use smaller blocks"};
    starts[row + 1] = static_cast<std::int32_t>(total);
  });
  auto values = allocate(total * element_bytes);
  char* const to = reinterpret_cast<char*>(values->mutable_data());
  for_each_cell(cells, [&](std::size_t row, std::string_view cell) {
    write(cell, static_cast<std::size_t>(starts[row + 1] - starts[row]),
          to + static_cast<std::size_t>(starts[row]) * element_bytes);
  });
  const auto rows = static_cast<std::int64_t>(cells.size());
  const auto type = arrow_type_of(spec);
  if (spec.kind != ColumnKind::kList)
    return arrow::ArrayData::Make(type, rows, {nullptr, offsets, values}, 0);
  if (spec.dtype == DType::kBool) values = pack_bits({to, static_cast<std::size_t>(total)});
  const auto& item = static_cast<const arrow::ListType&>(*type).value_type();
  const auto child = arrow::ArrayData::Make(item, static_cast<std::int64_t>(total),
                                            {nullptr, std::move(values)}, 0);
  return arrow::ArrayData::Make(type, rows, {nullptr, offsets}, {child}, 0);
}

void copy_text(std::string_view cell, std::size_t size, char* to) {
  if (!arrow::util::ValidateUTF8(reinterpret_cast<const std::uint8_t*>(cell.data()),
                                 static_cast<std::int64_t>(cell.size()))) {
    throw BadCell{0, "it is not UTF-8 text"};
  }
  if (size > 0) std::memcpy(to, cell.data(), size);
}

// ---- back ----

/// The elements of one sample in this machine's order, a bool in a byte; in `scratch` where they
/// are bits.
std::string_view elements_of_sample(const ColumnSpec& spec, const ColumnView& view, std::size_t row,
                                    std::string& scratch) {
  std::size_t begin = row * static_cast<std::size_t>(spec.elements());
  std::size_t count = static_cast<std::size_t>(spec.elements());
  if (view.offsets != nullptr) {
    begin = static_cast<std::size_t>(view.offsets[row]);
    count = static_cast<std::size_t>(view.offsets[row + 1]) - begin;
  }
  if (!view.bit_packed) {
    const char* const data = reinterpret_cast<const char*>(view.data);
    return {data + begin * view.element_bytes, count * view.element_bytes};
  }
  scratch.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const auto bit = static_cast<std::size_t>(view.bit_offset) + begin + i;
    scratch += static_cast<char>(static_cast<unsigned>(view.data[bit / 8]) >> (bit % 8) & 1U);
  }
  return scratch;
}

/// One element as a cell of the kind; `from` is in this machine's order.
void append_element(CqlKind kind, DType dtype, const char* from, std::string& out) {
  const std::size_t size = *cell_bytes(kind);
  char element[8] = {};
  if (dtype == DType::kUInt8) {
    element[1] = *from;
  } else if (dtype == DType::kFloat16) {
    std::uint16_t bits;
    std::memcpy(&bits, from, 2);
    const float value = arrow::util::Float16::FromBits(bits).ToFloat();
    cql::write_big_endian(std::bit_cast<std::int32_t>(value), element);
  } else {
    swap_elements(from, 1, size, element);
  }
  out.append(element, size);
}

}  // namespace

void check_finite(const ColumnSpec& spec, const arrow::ArrayData& column) {
  if (spec.kind == ColumnKind::kBinary || spec.kind == ColumnKind::kString) return;
  const bool list = spec.kind == ColumnKind::kList;
  const bool nested = list || !spec.shape.empty();
  const arrow::ArrayData& values = nested ? *column.child_data[0] : column;
  const auto count = static_cast<std::size_t>(values.length);
  if (count == 0) return;
  const auto at = find_not_finite(spec.dtype, false, values.buffers[1]->data(), 0, count);
  if (at == count) return;
  std::size_t row = at / static_cast<std::size_t>(spec.elements());
  if (list) {
    const auto* const ends = reinterpret_cast<const std::int32_t*>(column.buffers[1]->data()) + 1;
    row = static_cast<std::size_t>(
        std::upper_bound(ends, ends + column.length, static_cast<std::int32_t>(at)) - ends);
  }
  throw_not_finite(row);
}

void check_finite(const ColumnSpec& spec, const InPlace& in_place,
                  std::span<const std::string_view> cells) {
  const auto elements = static_cast<std::size_t>(spec.elements());
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (find_not_finite(spec.dtype, in_place.swapped, cells[row].data(), 0, elements) < elements)
      throw_not_finite(row);
  }
}

std::optional<InPlace> in_place(const RowColumn& column) {
  const CqlType type = CqlType::parse(column.type);
  const ColumnSpec& spec = column.spec;
  if (spec.kind != ColumnKind::kTensor || spec.dtype == DType::kBool) return std::nullopt;
  if (type.kind == CqlKind::kBlob) return InPlace{false};
  const bool same = dtype_of(type.kind) == spec.dtype && size_of(spec.dtype) == 4;
  if (type.form != CqlType::Form::kVector || has_lengths(type.kind) || !same) return std::nullopt;
  return InPlace{true};
}

std::shared_ptr<arrow::ArrayData> decode_cells(const RowColumn& column,
                                               std::span<const std::string_view> cells) {
  const CqlType type = CqlType::parse(column.type);
  const ColumnSpec& spec = column.spec;
  const auto size = [](std::string_view cell) { return cell.size(); };
  switch (spec.kind) {
    case ColumnKind::kTensor:
      return decode_tensors(spec, type, cells);
    case ColumnKind::kBinary:
      return decode_varying(spec, 1, cells, size,
                            [](std::string_view cell, std::size_t bytes, char* to) {
                              if (bytes > 0) std::memcpy(to, cell.data(), bytes);
                            });
    case ColumnKind::kString:
      if (type.kind == CqlKind::kText) return decode_varying(spec, 1, cells, size, copy_text);
      return decode_varying(
          spec, 1, cells, [](std::string_view) { return kUuidCharacters; },
          [&](std::string_view cell, std::size_t bytes, char* to) {
            if (cell.size() != *cell_bytes(CqlKind::kUuid)) throw BadCell{0, "it is no uuid"};
            std::memcpy(to, cell_text(column.type, cell).data(), bytes);
          });
    case ColumnKind::kList:
      break;
  }
  std::string scratch;
  const std::size_t element = *cell_bytes(type.kind);
  // An empty list that is not frozen leaves nothing behind in Cassandra: it is a null.
  constexpr std::string_view kNoElements("\0\0\0\0", 4);
  std::vector<std::string_view> lists(cells.begin(), cells.end());
  for (auto& cell : lists) {
    if (cell.data() == nullptr && column.type.starts_with("list<")) cell = kNoElements;
  }
  return decode_varying(
      spec, size_of(spec.dtype), lists,
      [&](std::string_view cell) { return elements_of(type, cell, scratch).size() / element; },
      [&](std::string_view cell, std::size_t count, char* to) {
        convert(type.kind, spec.dtype, elements_of(type, cell, scratch), count, to);
      });
}

void encode_cell(const RowColumn& column, const ColumnView& view, std::size_t row,
                 std::string& out) {
  const CqlType type = CqlType::parse(column.type);
  std::string scratch;
  const auto elements = elements_of_sample(column.spec, view, row, scratch);
  out.clear();
  if (!dtype_of(type.kind)) {
    out = elements;
    return;
  }
  const std::size_t bytes = size_of(column.spec.dtype);
  const std::size_t count = elements.size() / bytes;
  if (type.form == CqlType::Form::kVector && column.spec.dtype == DType::kFloat32) {
    out.resize(elements.size());
    return swap_4(elements.data(), count, out.data());
  }
  const auto append_number = [&](std::size_t number) {
    char prefix[4];
    cql::write_big_endian(static_cast<std::int32_t>(number), prefix);
    out.append(prefix, sizeof(prefix));
  };
  if (type.form == CqlType::Form::kList) append_number(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (type.form == CqlType::Form::kList) append_number(*cell_bytes(type.kind));
    if (type.form == CqlType::Form::kVector && has_lengths(type.kind))
      out += static_cast<char>(*cell_bytes(type.kind));
    append_element(type.kind, column.spec.dtype, elements.data() + i * bytes, out);
  }
}

}  // namespace ringfeed::rows
