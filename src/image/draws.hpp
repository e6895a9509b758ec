// What the random steps draw, as torchvision's do.
#pragma once

#include <optional>

#include "base/random.hpp"
#include "image/pixels.hpp"
#include "image/step.hpp"

namespace ringfeed {

/// Uniform from 0 to below 1.
inline double uniform(Random& random) noexcept {
  return static_cast<double>(random.next() >> 11) * 0x1p-53;
}
inline double uniform(Random& random, const Range& range) noexcept {
  return range.low + (range.high - range.low) * uniform(random);
}
inline bool happens(Random& random, double probability) noexcept {
  return uniform(random) < probability;
}

/// A box of a share of the area and a ratio of width to height; where none fits in ten tries, the
/// largest in the middle whose ratio is in the range.
Box draw_resized_crop(Random& random, Side picture, const RandomResizedCrop& crop);
/// Nothing where none fits in ten tries.
std::optional<Box> draw_erased(Random& random, Side picture, const RandomErasing& erasing);

}  // namespace ringfeed
