// The copy loops of the gather, and what is done with a sample's bytes while they are near.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ringfeed {

/// Copies samples of `size` bytes each from where they lie to one behind the other; `swapped`: as
/// 4-byte elements of the other byte order. `hashes` is empty, or has one for each sample: it
/// becomes the hash of the copy, with what it was as the seed.
void copy_samples(std::span<const std::byte* const> from, std::byte* to, std::size_t size,
                  bool swapped, std::span<std::uint64_t> hashes);

}  // namespace ringfeed
