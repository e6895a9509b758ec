// Eight bytes at a time: table k has what a byte does to the checksum k bytes later ("slicing by
// 8", Kounavis and Berry 2008).
#include "base/crc.hpp"

#include <array>
#include <bit>
#include <cstring>

namespace ringfeed {
namespace {

static_assert(std::endian::native == std::endian::little);
constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

/// Of a polynomial with its bits turned round.
constexpr Tables make_tables(std::uint32_t polynomial) {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1) != 0 ? (value >> 1) ^ polynomial : value >> 1;
    tables[0][byte] = value;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = tables[0][before & 255] ^ (before >> 8);
    }
  }
  return tables;
}

std::uint32_t checksum(const Tables& tables, std::string_view bytes,
                       std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  for (; bytes.size() >= kSlices; bytes.remove_prefix(kSlices)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), kSlices);
    word ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < kSlices; ++i)
      crc ^= tables[kSlices - 1 - i][(word >> (8 * i)) & 255];
  }
  for (const char c : bytes)
    crc = tables[0][(crc ^ static_cast<unsigned char>(c)) & 255] ^ (crc >> 8);
  return ~crc;
}

constexpr Tables kZip = make_tables(0xedb88320U);
constexpr Tables kCastagnoli = make_tables(0x82f63b78U);

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) noexcept {
  return checksum(kZip, bytes, before);
}

std::uint32_t crc32c(std::string_view bytes) noexcept { return checksum(kCastagnoli, bytes, 0); }

}  // namespace ringfeed
