// The hash functions of hash.hpp, compiled once for any processor and once for those with AVX2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ringfeed {

struct HashKernels {
  std::uint64_t (*bytes)(const void* data, std::size_t size) noexcept;
  std::uint64_t (*pieces)(std::span<const std::string_view> pieces) noexcept;
};

extern const HashKernels kHashKernelsAvx2;

}  // namespace ringfeed

// What both are made of: each includes <xxhash.h> for its own processor before.
#define RINGFEED_HASH_KERNELS                                                        \
  {                                                                                  \
    [](const void* data, std::size_t size) noexcept -> std::uint64_t {               \
      return XXH3_64bits(data, size);                                                \
    },                                                                               \
        [](std::span<const std::string_view> pieces) noexcept -> std::uint64_t {     \
          XXH3_state_t state;                                                        \
          XXH3_64bits_reset(&state);                                                 \
          for (const auto piece : pieces)                                            \
            XXH3_64bits_update(&state, piece.data(), piece.size());                  \
          return XXH3_64bits_digest(&state);                                         \
        }                                                                            \
  }
