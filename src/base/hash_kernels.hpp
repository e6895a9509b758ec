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
#include <cstring>
#include <span>

namespace ringfeed {

struct HashKernels {
  std::uint64_t (*bytes)(const void* data, std::size_t size) noexcept;
  void (*each)(const void* data, std::size_t size, std::span<std::uint64_t> hashes) noexcept;
  std::uint64_t (*copy)(const std::byte* from, std::byte* to, std::size_t size, std::uint64_t seed,
                        const std::byte* next) noexcept;
};

extern const HashKernels kHashKernelsAvx2;
extern const HashKernels kHashKernelsAvx512;

// Static: each of the files that include this has its own, for its kind of processor.

/// XXH3-64 of more than XXH3_MIDSIZE_MAX bytes: xxHash's loop over stripes, each of which is copied
/// as well, while that of the next piece comes from memory as far as the second-level cache (which
/// waits for more lines at once than the first).
static std::uint64_t copy_long(const std::byte* from, std::byte* to, std::size_t size,
                               const std::uint8_t* secret, const std::byte* next) {
  constexpr std::size_t kStripe = XXH_STRIPE_LEN;
  constexpr std::size_t kSecret = XXH_SECRET_DEFAULT_SIZE;
  constexpr std::size_t kBlockStripes = (kSecret - kStripe) / XXH_SECRET_CONSUME_RATE;
  alignas(XXH_ACC_ALIGN) xxh_u64 acc[XXH_ACC_NB] = XXH3_INIT_ACC;
  const auto copy = [&](std::size_t at, const std::uint8_t* key) {
    if (next) __builtin_prefetch(next + at, 0, 2);
    alignas(kStripe) std::byte stripe[kStripe];
    std::memcpy(stripe, from + at, kStripe);
    std::memcpy(to + at, stripe, kStripe);
    XXH3_accumulate_512(acc, stripe, key);
  };
  std::size_t in_block = 0;
  for (std::size_t at = 0; at + kStripe < size; at += kStripe) {
    copy(at, secret + in_block * XXH_SECRET_CONSUME_RATE);
    if (++in_block == kBlockStripes) {
      XXH3_scrambleAcc(acc, secret + kSecret - kStripe);
      in_block = 0;
    }
  }
  copy(size - kStripe, secret + kSecret - kStripe - XXH_SECRET_LASTACC_START);
  return XXH3_mergeAccs(acc, secret + XXH_SECRET_MERGEACCS_START, size * XXH_PRIME64_1);
}

static std::uint64_t copy_one(const std::byte* from, std::byte* to, std::size_t size,
                              std::uint64_t seed, const std::byte* next) noexcept {
  if (size <= XXH3_MIDSIZE_MAX) {
    std::memcpy(to, from, size);
    return XXH3_64bits_withSeed(to, size, seed);
  }
  if (seed == 0) return copy_long(from, to, size, XXH3_kSecret, next);
  alignas(XXH_SEC_ALIGN) std::uint8_t secret[XXH_SECRET_DEFAULT_SIZE];
  XXH3_initCustomSecret(secret, seed);
  return copy_long(from, to, size, secret, next);
}

static std::uint64_t hash_all(const void* data, std::size_t size) noexcept {
  return XXH3_64bits(data, size);
}

static void hash_every(const void* data, std::size_t size,
                       std::span<std::uint64_t> hashes) noexcept {
  const auto* at = static_cast<const std::byte*>(data);
  for (auto& hash : hashes) {
    hash = XXH3_64bits_withSeed(at, size, hash);
    at += size;
  }
}

static constexpr HashKernels kOwnHashKernels{hash_all, hash_every, copy_one};

}  // namespace ringfeed
