// Compiled with -mavx2 (src/CMakeLists.txt); empty on other kinds of processors.
#ifdef __AVX2__

#include "base/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringfeed {

std::uint64_t hash_bytes_avx2(const void* data, std::size_t size) noexcept {
  return XXH3_64bits(data, size);
}

}  // namespace ringfeed

#endif
