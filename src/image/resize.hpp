// Antialiased bilinear resizing, bit for bit as Pillow does it: weights of 22 bits, first the rows,
// then the columns, rounded to bytes between the two.
#pragma once

#include <cstdint>
#include <vector>

#include "image/pixels.hpp"

namespace ringfeed {

/// A part of a resized picture, and what of the picture itself it is made of.
struct Cut {
  Box source;               ///< of the picture: nothing beside it is looked at
  std::uint32_t width = 0;  ///< that source is resized to
  std::uint32_t height = 0;
  Box window;  ///< of the resized picture: what is wanted

  bool resizes() const noexcept { return width != source.width || height != source.height; }
};

/// Weights of one direction.
struct Taps {
  std::uint32_t begin = 0;  ///< in the source, of the first that has a weight
  std::uint32_t end = 0;
  std::uint32_t count = 0;           ///< weights of each
  std::vector<std::uint32_t> first;  ///< for each: the first pixel, from `begin`
  std::vector<std::uint32_t> used;   ///< for each: the weights that count, at least one
  std::vector<std::int32_t> weights;
};

class Resizer {
 public:
  /// Plans it; the box of the picture that is looked at.
  Box plan(const Cut& cut);
  /// `from` has the pixels of that box.
  void run(const Pixels& from, Pixels& to);

 private:
  Taps across_;
  Taps down_;
  Pixels rows_;  ///< resized in one direction
};

}  // namespace ringfeed
