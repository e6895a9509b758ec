// Whole blocks are looked at first: almost all are good.
#include "dataset/finite.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace ringfeed {
namespace {

/// The bits of `exponent` are all set in an element that is not finite, in either byte order.
template <typename Bits>
std::size_t find_exponent(Bits exponent, const char* data, std::size_t begin,
                          std::size_t count) noexcept {
  constexpr std::size_t kBlock = 1024;
  const auto is_bad = [&](std::size_t i) {
    Bits bits;
    std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
    return (bits & exponent) == exponent;
  };
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

}  // namespace

std::size_t find_not_finite(DType dtype, bool swapped, const void* data, std::size_t begin,
                            std::size_t count) noexcept {
  const auto* const bytes = static_cast<const char*>(data);
  switch (dtype) {
    case DType::kFloat16: {
      constexpr std::uint16_t kExponent = 0x7C00;
      return find_exponent(swapped ? __builtin_bswap16(kExponent) : kExponent, bytes, begin, count);
    }
    case DType::kFloat32: {
      constexpr std::uint32_t kExponent = 0x7F800000;
      return find_exponent(swapped ? __builtin_bswap32(kExponent) : kExponent, bytes, begin, count);
    }
    case DType::kFloat64: {
      constexpr std::uint64_t kExponent = 0x7FF0000000000000;
      return find_exponent(swapped ? __builtin_bswap64(kExponent) : kExponent, bytes, begin, count);
    }
    default:
      return count;
  }
}

}  // namespace ringfeed
