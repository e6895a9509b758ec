// XXH3-64 by the xxHash headers, compiled in so that no library version can change the bytes.
#include "base/hash.hpp"

#include "base/hash_kernels.hpp"

namespace ringfeed {

namespace {

const HashKernels& fastest() noexcept {
#ifdef RINGFEED_AVX
  // The first that had AVX-512 slow down where it is used; those with VBMI2 do not.
  static const HashKernels& found = __builtin_cpu_supports("avx512vbmi2") ? kHashKernelsAvx512
                                    : __builtin_cpu_supports("avx2")      ? kHashKernelsAvx2
                                                                          : kOwnHashKernels;
  return found;
#else
  return kOwnHashKernels;
#endif
}

}  // namespace

std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept {
  return fastest().bytes(data, size);
}

Hash128 hash_bytes_128(std::string_view bytes) noexcept {
  const auto hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

void hash_each(const void* data, std::size_t size, std::span<std::uint64_t> hashes) noexcept {
  fastest().each(data, size, hashes);
}

std::uint64_t copy_and_hash(const std::byte* from, std::byte* to, std::size_t size,
                            std::uint64_t seed, const std::byte* next) noexcept {
  return fastest().copy(from, to, size, seed, next);
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
