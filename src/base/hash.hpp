// XXH3-64, the checksum of every stored byte and the key of every random choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace ringfeed {

std::uint64_t hash_bytes(const void* data, std::size_t size) noexcept;
inline std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  return hash_bytes(bytes.data(), bytes.size());
}

/// The same, on processors that have AVX2: where the bytes are in the processor's cache it takes half
/// the time.
std::uint64_t hash_bytes_avx2(const void* data, std::size_t size) noexcept;

/// The same hash over bytes that come in pieces.
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
