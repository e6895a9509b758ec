// Sources of a step lie scattered over all open blocks, so what a copy costs is the wait for their
// bytes from memory: they are fetched some samples ahead. What is hashed is hashed while that goes
// on: small samples some at a time behind their copies, large ones on their way.
#include "feed/copy_samples.hpp"

#include <algorithm>
#include <cstring>

#include "base/byte_order.hpp"
#include "base/hash.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kLargeBytes = 1024;        // of a sample
constexpr std::size_t kSmallAhead = 8;           // samples
constexpr std::size_t kSmallHashedBytes = 8192;  // at a time
constexpr std::size_t kLargeAheadBytes = 6144;
constexpr std::size_t kLargeLines = 64;  // of a sample; the processor's own prefetcher goes on

using Sources = std::span<const std::byte* const>;

void fetch(const std::byte* sample, std::size_t lines) {
  for (std::size_t line = 0; line < lines; ++line) __builtin_prefetch(sample + line * kLineBytes);
}

template <typename Copy>
void copy_small(Sources from, std::byte* to, std::size_t size, const Copy& copy,
                std::span<std::uint64_t> hashes) {
  const std::size_t lines = (size + kLineBytes - 1) / kLineBytes;
  const std::size_t at_once =
      hashes.empty() ? from.size()
                     : std::max<std::size_t>(kSmallHashedBytes / std::max<std::size_t>(size, 1), 1);
  for (std::size_t begin = 0; begin < from.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, from.size());
    for (std::size_t i = begin; i < end; ++i) {
      if (i + kSmallAhead < from.size()) fetch(from[i + kSmallAhead], lines);
      copy(from[i], to + i * size);
    }
    if (!hashes.empty()) hash_each(to + begin * size, size, hashes.subspan(begin, end - begin));
  }
}

std::size_t large_ahead(std::size_t size) {
  return std::max<std::size_t>(kLargeAheadBytes / size, 1);
}

template <typename Copy>
void copy_large(Sources from, std::byte* to, std::size_t size, const Copy& copy,
                std::span<std::uint64_t> hashes) {
  const std::size_t lines = std::min(kLargeLines, (size + kLineBytes - 1) / kLineBytes);
  const std::size_t ahead = large_ahead(size);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (i + ahead < from.size()) fetch(from[i + ahead], lines);
    copy(from[i], to + i * size);
    if (!hashes.empty()) hash_each(to + i * size, size, hashes.subspan(i, 1));
  }
}

void copy_and_hash_large(Sources from, std::byte* to, std::size_t size,
                         std::span<std::uint64_t> hashes) {
  const std::size_t ahead = large_ahead(size);
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::byte* next = i + ahead < from.size() ? from[i + ahead] : nullptr;
    hashes[i] = copy_and_hash(from[i], to + i * size, size, hashes[i], next);
  }
}

template <std::size_t kSize>
void copy_exactly(Sources from, std::byte* to, std::span<std::uint64_t> hashes) {
  const auto copy = [](const std::byte* sample, std::byte* place) {
    std::memcpy(place, sample, kSize);
  };
  copy_small(from, to, kSize, copy, hashes);
}

template <typename Copy>
void copy_any(Sources from, std::byte* to, std::size_t size, const Copy& copy,
              std::span<std::uint64_t> hashes) {
  if (size < kLargeBytes) return copy_small(from, to, size, copy, hashes);
  copy_large(from, to, size, copy, hashes);
}

}  // namespace

void copy_samples(Sources from, std::byte* to, std::size_t size, bool swapped,
                  std::span<std::uint64_t> hashes) {
  if (swapped) {
    const auto copy = [size](const std::byte* sample, std::byte* place) {
      swap_4(sample, size / 4, place);
    };
    return copy_any(from, to, size, copy, hashes);
  }
  switch (size) {
    case 1:
      return copy_exactly<1>(from, to, hashes);
    case 2:
      return copy_exactly<2>(from, to, hashes);
    case 4:
      return copy_exactly<4>(from, to, hashes);
    case 8:
      return copy_exactly<8>(from, to, hashes);
    default:
      if (size >= kLargeBytes && !hashes.empty())
        return copy_and_hash_large(from, to, size, hashes);
      const auto copy = [size](const std::byte* sample, std::byte* place) {
        std::memcpy(place, sample, size);
      };
      return copy_any(from, to, size, copy, hashes);
  }
}

}  // namespace ringfeed
