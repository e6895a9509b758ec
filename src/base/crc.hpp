// Checksums that formats of others prescribe (our own are XXH3, base/hash.hpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace ringfeed {

/// CRC-32 as zip files have it; `before`: that of the bytes before these.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) noexcept;

/// CRC-32C (Castagnoli), as TFRecord has it.
std::uint32_t crc32c(std::string_view bytes) noexcept;

}  // namespace ringfeed
