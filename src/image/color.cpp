// The formulas of torchvision's kernels, in float32 as there, cut to bytes after each.
#include "image/color.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "image/draws.hpp"

namespace ringfeed {
namespace {

std::uint8_t byte_of(float value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
}

/// Of the eye: whole, without its fraction.
float gray_of(const std::uint8_t* pixel) {
  const float red = static_cast<float>(pixel[0]) * 0.2989F;
  const float green = static_cast<float>(pixel[1]) * 0.587F;
  const float blue = static_cast<float>(pixel[2]) * 0.114F;
  return std::floor(red + green + blue);
}

template <typename Change>
void change_pixels(Pixels& pixels, const Change& change) {
  for (std::size_t i = 0; i < pixels.rgb.size(); i += kChannels) change(&pixels.rgb[i]);
}

void blend(std::uint8_t* pixel, float with, float ratio) {
  const float other = with * (1.0F - ratio);
  for (std::size_t c = 0; c < kChannels; ++c)
    pixel[c] = byte_of(static_cast<float>(pixel[c]) * ratio + other);
}

/// The hue of a pixel from 0 to 1, where its largest channel is larger than the least.
float hue_of(const std::array<float, 3>& rgb, float largest, float range) {
  const auto [red, green, blue] = rgb;
  const float from_red = (largest - red) / range;
  const float from_green = (largest - green) / range;
  const float from_blue = (largest - blue) / range;
  float hue = 0;
  if (largest == red)
    hue = from_blue - from_green;
  else if (largest == green)
    hue = 2.0F + from_red - from_blue;
  else
    hue = 4.0F + from_green - from_red;
  return std::fmod(hue / 6.0F + 1.0F, 1.0F);
}

void turn_hue(std::uint8_t* pixel, float turn) {
  std::array<float, 3> rgb{};
  for (std::size_t c = 0; c < kChannels; ++c) rgb[c] = static_cast<float>(pixel[c]) / 255.0F;
  const auto [least, largest] = std::minmax({rgb[0], rgb[1], rgb[2]});
  const float range = largest - least;
  if (range == 0) return;
  const float saturation = range / largest;
  float hue = hue_of(rgb, largest, range) + turn;
  hue = (hue - std::floor(hue)) * 6.0F;
  const float sector = std::floor(hue);
  const float part = hue - sector;
  const float low = largest * (1.0F - saturation);
  const float falling = largest * (1.0F - saturation * part);
  const float rising = largest * (1.0F - saturation * (1.0F - part));
  const std::array<std::array<float, 3>, 6> sectors = {{{largest, rising, low},
                                                        {falling, largest, low},
                                                        {low, largest, rising},
                                                        {low, falling, largest},
                                                        {rising, low, largest},
                                                        {largest, low, falling}}};
  const auto& made = sectors[static_cast<std::size_t>(sector) % sectors.size()];
  for (std::size_t c = 0; c < kChannels; ++c) pixel[c] = byte_of(made[c] * 255.999F);
}

}  // namespace

void make_gray(Pixels& pixels) {
  change_pixels(pixels, [](std::uint8_t* pixel) {
    std::memset(pixel, static_cast<int>(gray_of(pixel)), kChannels);
  });
}

void adjust_brightness(Pixels& pixels, double factor) {
  const auto ratio = static_cast<float>(factor);
  for (auto& value : pixels.rgb) value = byte_of(static_cast<float>(value) * ratio);
}

void adjust_contrast(Pixels& pixels, double factor) {
  double sum = 0;
  change_pixels(pixels, [&](const std::uint8_t* pixel) { sum += gray_of(pixel); });
  const auto mean = static_cast<float>(sum / (static_cast<double>(pixels.width) * pixels.height));
  change_pixels(pixels,
                [&](std::uint8_t* pixel) { blend(pixel, mean, static_cast<float>(factor)); });
}

void adjust_saturation(Pixels& pixels, double factor) {
  change_pixels(pixels, [&](std::uint8_t* pixel) {
    blend(pixel, gray_of(pixel), static_cast<float>(factor));
  });
}

void adjust_hue(Pixels& pixels, double turn) {
  change_pixels(pixels, [&](std::uint8_t* pixel) { turn_hue(pixel, static_cast<float>(turn)); });
}

void jitter_colors(Pixels& pixels, const ColorJitter& jitter, Random& random) {
  std::array<int, 4> order = {0, 1, 2, 3};
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
  const auto factor = [&](double by) { return uniform(random, {std::max(0.0, 1 - by), 1 + by}); };
  const double brightness = factor(jitter.brightness);
  const double contrast = factor(jitter.contrast);
  const double saturation = factor(jitter.saturation);
  const double hue = uniform(random, {-jitter.hue, jitter.hue});
  for (const int which : order) {
    if (which == 0 && jitter.brightness > 0) adjust_brightness(pixels, brightness);
    if (which == 1 && jitter.contrast > 0) adjust_contrast(pixels, contrast);
    if (which == 2 && jitter.saturation > 0) adjust_saturation(pixels, saturation);
    if (which == 3 && jitter.hue > 0) adjust_hue(pixels, hue);
  }
}

void erase(Pixels& pixels, const Box& box) {
  for (std::uint32_t y = box.top; y < box.top + box.height; ++y)
    std::memset(pixels.row(y) + kChannels * box.left, 0, kChannels * box.width);
}

}  // namespace ringfeed
