// The header of an IDX file (the format of MNIST: http://yann.lecun.com/exdb/mnist), from bytes
// alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "source/raw_values.hpp"

namespace ringfeed {

/// The first four bytes: two zeros, the type, and the number of dimensions; then four bytes for
/// each dimension.
inline constexpr std::size_t kIdxMagicBytes = 4;
inline constexpr std::size_t kIdxDimensionsMax = 17;
inline constexpr std::size_t kIdxHeaderBytesMax = kIdxMagicBytes + 4 * kIdxDimensionsMax;

/// `start` is the start of the data, all of it or at least kIdxHeaderBytesMax bytes; `file_bytes`
/// the size of all, when it is known (gzip hides it): what is returned then fits it exactly. Throws
/// Error{kBadData} (without the file's name) for what is not IDX, is cut off or goes on after the
/// data. Takes no memory by what the header claims.
RawArray parse_idx_header(std::span<const std::byte> start,
                          std::optional<std::uint64_t> file_bytes);

}  // namespace ringfeed
