// The header of a .npy file (NumPy's format 1.0, 2.0, 3.0: numpy.lib.format), from bytes alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "source/raw_values.hpp"

namespace ringfeed {

/// Most bytes of a header; those that NumPy writes for arrays we can hold have 118 or a few more.
inline constexpr std::size_t kNpyHeaderBytesMax = std::size_t{64} << 10;

/// `start` is the start of the file, all of it or at least kNpyHeaderBytesMax bytes. What is
/// returned fits `file_bytes` exactly. Throws Error{kBadData} (without the file's name) for what is
/// not npy, is cut off, goes on after the data, is in Fortran order, or has a dtype we cannot hold.
/// Takes no memory by what the header claims.
RawArray parse_npy_header(std::span<const std::byte> start, std::uint64_t file_bytes);

}  // namespace ringfeed
