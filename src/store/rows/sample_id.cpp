// XXH3-128 in the shape of a uuid.
#include "store/rows/sample_id.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

namespace ringfeed::rows {

std::array<char, 16> sample_id(std::uint64_t fingerprint, std::uint64_t number) noexcept {
  unsigned char name[16];
  for (int i = 0; i < 8; ++i) {
    name[i] = static_cast<unsigned char>(fingerprint >> (8 * i));
    name[8 + i] = static_cast<unsigned char>(number >> (8 * i));
  }
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(name, sizeof(name)));
  canonical.digest[6] = static_cast<unsigned char>((canonical.digest[6] & 0x0F) | 0x80);
  canonical.digest[8] = static_cast<unsigned char>((canonical.digest[8] & 0x3F) | 0x80);
  std::array<char, 16> id{};
  std::memcpy(id.data(), canonical.digest, id.size());
  return id;
}

}  // namespace ringfeed::rows
