// Elements as foreign files hold them, in the byte order and width of those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/schema.hpp>
#include <vector>

namespace ringfeed {

struct RawFormat {
  DType dtype = DType::kUInt8;  ///< what it becomes: uint16 becomes int32, uint32 int64
  std::uint8_t item_bytes = 1;  ///< in the file: 1, 2, 4 or 8
  bool big_endian = false;
  bool widened = false;  ///< unsigned, and half as wide as dtype
  bool operator==(const RawFormat&) const = default;

  /// The bytes in the file are those of an Arrow array.
  bool is_native() const noexcept {
    return dtype != DType::kBool && !widened && (!big_endian || item_bytes == 1);
  }
};

/// An array in a file: what its header says.
struct RawArray {
  RawFormat format;
  std::int64_t samples = 0;         ///< the first dimension
  std::vector<std::int64_t> shape;  ///< the other dimensions
  std::uint64_t data_offset = 0;
  std::uint64_t sample_bytes = 0;  ///< in the file
};

/// `count` elements to `to`, which takes size_of(dtype) bytes for each. `from` need not be aligned.
void decode_raw(const RawFormat& format, const std::byte* from, std::int64_t count, std::byte* to);

}  // namespace ringfeed
