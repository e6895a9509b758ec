// XXH3-64 by the xxHash headers, compiled in so that no library version can change the bytes.
#include "base/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ringfeed {

namespace {

using Hash = std::uint64_t (*)(const void* data, std::size_t size) noexcept;

std::uint64_t hash_anywhere(const void* data, std::size_t size) noexcept {
  return XXH3_64bits(data, size);
}

Hash fastest_hash() noexcept {
#ifdef RINGFEED_AVX2
  if (__builtin_cpu_supports("avx2")) return &hash_bytes_avx2;
#endif
  return &hash_anywhere;
}

}  // namespace

std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept {
  static const Hash hash = fastest_hash();
  return hash(data, size);
}

// The alignment that XXH3's state asks for comes with the type.
struct Hasher::State {
  XXH3_state_t xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(const void* data, std::size_t size) noexcept {
  XXH3_64bits_update(&state_->xxh, data, size);
}

std::uint64_t Hasher::digest() const noexcept { return XXH3_64bits_digest(&state_->xxh); }

}  // namespace ringfeed
