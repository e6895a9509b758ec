// Whole blocks are looked at first: almost all are good.
#include "dataset/finite.hpp"

#include <arrow/record_batch.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "dataset/chunk.hpp"

namespace ringfeed {
namespace {

/// The bits of `exponent` are all set in an element that is not finite, in either byte order.
template <typename Bits>
bool has_exponent(Bits exponent, const char* data, std::size_t i) noexcept {
  Bits bits;
  std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
  return (bits & exponent) == exponent;
}

/// Calls `with` with the bits of a float's exponent; not for other dtypes.
template <typename With>
void for_exponent(DType dtype, bool swapped, With&& with) noexcept {
  switch (dtype) {
    case DType::kFloat16: {
      constexpr std::uint16_t kExponent = 0x7C00;
      return with(swapped ? __builtin_bswap16(kExponent) : kExponent);
    }
    case DType::kFloat32: {
      constexpr std::uint32_t kExponent = 0x7F800000;
      return with(swapped ? __builtin_bswap32(kExponent) : kExponent);
    }
    case DType::kFloat64: {
      constexpr std::uint64_t kExponent = 0x7FF0000000000000;
      return with(swapped ? __builtin_bswap64(kExponent) : kExponent);
    }
    default:
      return;
  }
}

template <typename Bits>
std::size_t find_exponent(Bits exponent, const char* data, std::size_t begin,
                          std::size_t count) noexcept {
  constexpr std::size_t kBlock = 1024;
  const auto is_bad = [&](std::size_t i) { return has_exponent(exponent, data, i); };
  for (std::size_t block = begin; block < count; block += kBlock) {
    const std::size_t end = std::min(block + kBlock, count);
    Bits any = 0;
    for (std::size_t i = block; i < end; ++i) any |= static_cast<Bits>(is_bad(i));
    if (any == 0) [[likely]]
      continue;
    for (std::size_t i = block; i < end; ++i) {
      if (is_bad(i)) return i;
    }
  }
  return count;
}

/// In one pass, as any number of them may be there.
std::uint64_t count_in(DType dtype, bool swapped, const void* data, std::size_t begin,
                       std::size_t count) noexcept {
  std::uint64_t found = 0;
  for_exponent(dtype, swapped, [&](auto exponent) {
    for (std::size_t i = begin; i < count; ++i)
      found += has_exponent(exponent, static_cast<const char*>(data), i) ? 1 : 0;
  });
  return found;
}

}  // namespace

std::size_t find_not_finite(DType dtype, bool swapped, const void* data, std::size_t begin,
                            std::size_t count) noexcept {
  std::size_t found = count;
  for_exponent(dtype, swapped, [&](auto exponent) {
    found = find_exponent(exponent, static_cast<const char*>(data), begin, count);
  });
  return found;
}

std::uint64_t count_not_finite(const arrow::RecordBatch& batch, const Schema& schema) {
  const auto rows = static_cast<std::size_t>(batch.num_rows());
  const auto views = column_views(batch, schema);
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < views.size(); ++i) {
    const auto& view = views[i];
    const auto& spec = schema.columns[i];
    if (view.offsets != nullptr) {
      found += count_in(spec.dtype, false, view.data, static_cast<std::size_t>(view.offsets[0]),
                        static_cast<std::size_t>(view.offsets[rows]));
      continue;
    }
    for (std::size_t row = 0; row < rows && is_float(spec.dtype); ++row) {
      found += count_in(spec.dtype, view.swapped, view.sample(row), 0,
                        static_cast<std::size_t>(spec.elements()));
    }
  }
  return found;
}

}  // namespace ringfeed
