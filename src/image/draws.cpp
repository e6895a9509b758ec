// Boxes by torchvision's rules.
#include "image/draws.hpp"

#include <algorithm>
#include <cmath>

namespace ringfeed {
namespace {

constexpr int kTries = 10;

/// Sides of a box; they may be larger than the picture.
struct Sides {
  double width = 0;
  double height = 0;
};

double area_of(Side picture) { return static_cast<double>(picture.width) * picture.height; }

double draw_ratio(Random& random, const Range& ratio) {
  return std::exp(uniform(random, {std::log(ratio.low), std::log(ratio.high)}));
}

Box placed(Random& random, Side picture, std::uint32_t width, std::uint32_t height) {
  const auto top = static_cast<std::uint32_t>(random.below(picture.height - height + 1));
  const auto left = static_cast<std::uint32_t>(random.below(picture.width - width + 1));
  return {left, top, width, height};
}

std::uint32_t at_least_one(double side) {
  return static_cast<std::uint32_t>(std::max(std::nearbyint(side), 1.0));
}

Box largest_in_the_middle(Side picture, const Range& ratio) {
  const double shape = static_cast<double>(picture.width) / picture.height;
  std::uint32_t width = picture.width;
  std::uint32_t height = picture.height;
  if (shape < ratio.low) height = std::min(height, at_least_one(width / ratio.low));
  if (shape > ratio.high) width = std::min(width, at_least_one(height * ratio.high));
  return {(picture.width - width) / 2, (picture.height - height) / 2, width, height};
}

}  // namespace

Box draw_resized_crop(Random& random, Side picture, const RandomResizedCrop& crop) {
  for (int i = 0; i < kTries; ++i) {
    const double area = area_of(picture) * uniform(random, crop.scale);
    const double ratio = draw_ratio(random, crop.ratio);
    const Sides sides{std::nearbyint(std::sqrt(area * ratio)),
                      std::nearbyint(std::sqrt(area / ratio))};
    if (sides.width < 1 || sides.width > picture.width || sides.height < 1 ||
        sides.height > picture.height)
      continue;
    return placed(random, picture, static_cast<std::uint32_t>(sides.width),
                  static_cast<std::uint32_t>(sides.height));
  }
  return largest_in_the_middle(picture, crop.ratio);
}

std::optional<Box> draw_erased(Random& random, Side picture, const RandomErasing& erasing) {
  for (int i = 0; i < kTries; ++i) {
    const double area = area_of(picture) * uniform(random, erasing.scale);
    const double ratio = draw_ratio(random, erasing.ratio);
    // torchvision's ratio is of height to width here.
    const Sides sides{std::nearbyint(std::sqrt(area / ratio)),
                      std::nearbyint(std::sqrt(area * ratio))};
    if (sides.width < 1 || sides.width >= picture.width || sides.height < 1 ||
        sides.height >= picture.height)
      continue;
    return placed(random, picture, static_cast<std::uint32_t>(sides.width),
                  static_cast<std::uint32_t>(sides.height));
  }
  return std::nullopt;
}

}  // namespace ringfeed
