// Random numbers that are the same everywhere: each choice has a key of its own, so any of them can
// be made without those before it. docs/ordering.md defines every step; change nothing here without
// a new kOrderVersion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace ringfeed {

/// What a random choice is for.
enum class Purpose : std::uint64_t {
  kBlocks = 1,        ///< the order of the blocks of an epoch
  kBlockSamples = 2,  ///< the order of the samples in block `number`
  kWindow = 3,        ///< the mix of window i of lane l; number = l * 2^32 + i
  kFull = 4,          ///< shuffle=full: one permutation of all samples
  kIngest = 5,        ///< the permutation of segment `number` at ingest
  kModel = 6,         ///< what a model draws in a step (dropout); number = step * 2^32 + rank
  kImage = 7,         ///< what the steps of a picture draw; number = the sample's
};

/// XXH3-64 over the five numbers as little-endian 64-bit words.
std::uint64_t random_key(std::uint64_t version, std::uint64_t seed, std::uint64_t epoch,
                         Purpose purpose, std::uint64_t number) noexcept;

/// SplitMix64 (Steele, Lea, Flood 2014), started at a key.
class Random {
 public:
  explicit Random(std::uint64_t key) noexcept : state_(key) {}

  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound), bound at least 1: Lemire's multiplication with rejection (2019).
  std::uint64_t below(std::uint64_t bound) noexcept {
    Wide product = static_cast<Wide>(next()) * bound;
    if (static_cast<std::uint64_t>(product) < bound) [[unlikely]] {
      const std::uint64_t threshold = (0 - bound) % bound;
      while (static_cast<std::uint64_t>(product) < threshold) {
        product = static_cast<Wide>(next()) * bound;
      }
    }
    return static_cast<std::uint64_t>(product >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  std::uint64_t state_;
};

/// Fisher-Yates from the last place down.
template <typename T>
void shuffle(std::span<T> items, Random random) noexcept {
  for (std::size_t i = items.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(random.below(i));
    std::swap(items[i - 1], items[j]);
  }
}

}  // namespace ringfeed
