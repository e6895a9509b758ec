// XXH3-64, the checksum of every stored byte and the key of every random choice. On processors that
// have AVX2 or AVX-512 these are used: where the bytes are in the processor's cache that takes two
// thirds, or half, of the time.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace ringfeed {

std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept;
inline std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  return hash_bytes(bytes.data(), bytes.size());
}

/// XXH3-128, where 64 bits would meet by chance: of 10^9 pieces two share one in 10^20 times.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const Hash128&) const = default;
};
Hash128 hash_bytes_128(std::string_view bytes) noexcept;

/// Of each of the `hashes.size()` pieces of `size` bytes that lie one behind the other, with what
/// is in `hashes` as its seed.
void hash_each(const void* data, std::size_t size, std::span<std::uint64_t> hashes) noexcept;

/// The same of one piece that is copied to `to` on the way, in one pass. Meanwhile the `size` bytes
/// at `next` are fetched into the processor's cache, unless it is null.
std::uint64_t copy_and_hash(const std::byte* from, std::byte* to, std::size_t size,
                            std::uint64_t seed, const std::byte* next) noexcept;

/// The same hash over bytes that come over time.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(const void* data, std::size_t size) noexcept;
  void update(std::string_view bytes) noexcept { update(bytes.data(), bytes.size()); }
  /// Of what came so far.
  std::uint64_t digest() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ringfeed
