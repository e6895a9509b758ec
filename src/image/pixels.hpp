// Pixels in memory and rectangles of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ringfeed {

inline constexpr std::size_t kChannels = 3;

/// A rectangle of whole pixels.
struct Box {
  std::uint32_t left = 0;
  std::uint32_t top = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const Box&) const = default;
};

/// Rows of RGB. Made anew it keeps its memory.
struct Pixels {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb = {};

  void make(std::uint32_t columns, std::uint32_t rows) {
    width = columns;
    height = rows;
    rgb.resize(row_bytes() * rows);
  }
  std::size_t row_bytes() const noexcept { return kChannels * width; }
  std::uint8_t* row(std::uint32_t y) noexcept { return rgb.data() + y * row_bytes(); }
  const std::uint8_t* row(std::uint32_t y) const noexcept { return rgb.data() + y * row_bytes(); }
};

}  // namespace ringfeed
