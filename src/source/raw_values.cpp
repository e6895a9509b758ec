// Loops with one size known to the compiler each, so that it turns them into vector shuffles.
#include "source/raw_values.hpp"

#include <bit>
#include <cstring>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

static_assert(std::endian::native == std::endian::little,
              "stored data sets are little-endian, as is all Arrow data");

std::uint16_t swapped(std::uint16_t value) { return __builtin_bswap16(value); }
std::uint32_t swapped(std::uint32_t value) { return __builtin_bswap32(value); }
std::uint64_t swapped(std::uint64_t value) { return __builtin_bswap64(value); }

template <typename From, typename To>
void decode(const std::byte* from, std::int64_t count, bool swap, std::byte* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + static_cast<std::size_t>(i) * sizeof(From), sizeof(From));
    const To wide = swap ? swapped(value) : value;
    std::memcpy(to + static_cast<std::size_t>(i) * sizeof(To), &wide, sizeof(To));
  }
}

}  // namespace

void decode_raw(const RawFormat& format, const std::byte* from, std::int64_t count, std::byte* to) {
  const bool swap = format.big_endian;
  if (format.item_bytes == 1 || (!swap && !format.widened)) {
    if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count) * format.item_bytes);
  } else if (format.item_bytes == 2) {
    format.widened ? decode<std::uint16_t, std::uint32_t>(from, count, swap, to)
                   : decode<std::uint16_t, std::uint16_t>(from, count, swap, to);
  } else if (format.item_bytes == 4) {
    format.widened ? decode<std::uint32_t, std::uint64_t>(from, count, swap, to)
                   : decode<std::uint32_t, std::uint32_t>(from, count, swap, to);
  } else if (format.item_bytes == 8) {
    decode<std::uint64_t, std::uint64_t>(from, count, swap, to);
  } else {
    throw Error(ErrorCode::kInternal, "unknown size of an element");
  }
}

}  // namespace ringfeed
