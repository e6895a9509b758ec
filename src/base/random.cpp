// The key of a random choice.
#include "base/random.hpp"

#include <array>

#include "base/hash.hpp"

namespace ringfeed {

std::uint64_t random_key(std::uint64_t version, std::uint64_t seed, std::uint64_t epoch,
                         Purpose purpose, std::uint64_t number) noexcept {
  const std::array<std::uint64_t, 5> words = {version, seed, epoch,
                                              static_cast<std::uint64_t>(purpose), number};
  std::array<unsigned char, sizeof(words)> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(words[i / 8] >> (8 * (i % 8)));
  }
  return hash_bytes(bytes.data(), bytes.size());
}

}  // namespace ringfeed
