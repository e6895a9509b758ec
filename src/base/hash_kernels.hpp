// The hash functions of hash.hpp, compiled for any processor, for those with AVX2 and
// for those with AVX-512.
#pragma once

// Bytes that the hash is ahead with its prefetches: xxHash's own 320 to 512 are for data that is
// near; chunks come from main memory.
#define XXH_PREFETCH_DIST 2048
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfeed {

struct HashKernels {
  std::uint64_t (*bytes)(const void* data, std::size_t size) noexcept;
  void (*each)(const void* data, std::size_t size, std::span<std::uint64_t> hashes) noexcept;
};

extern const HashKernels kHashKernelsAvx2;
extern const HashKernels kHashKernelsAvx512;

}  // namespace ringfeed

// What both are made of.
#define RINGFEED_HASH_KERNELS                                                                  \
  {                                                                                            \
    [](const void* data, std::size_t size) noexcept -> std::uint64_t {                         \
      return XXH3_64bits(data, size);                                                          \
    },                                                                                         \
        [](const void* data, std::size_t size, std::span<std::uint64_t> hashes) noexcept {     \
          const auto* at = static_cast<const std::byte*>(data);                                \
          for (std::size_t i = 0; i < hashes.size(); ++i, at += size)                          \
            hashes[i] = XXH3_64bits_withSeed(at, size, hashes[i]);                             \
        }                                                                                      \
  }
