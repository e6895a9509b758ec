// Steps on the colours of bytes, as torchvision's are of a uint8 tensor.
#pragma once

#include "base/random.hpp"
#include "image/pixels.hpp"
#include "image/step.hpp"

namespace ringfeed {

void make_gray(Pixels& pixels);
void adjust_brightness(Pixels& pixels, double factor);
void adjust_contrast(Pixels& pixels, double factor);
void adjust_saturation(Pixels& pixels, double factor);
/// `turn` is -0.5 to 0.5 of the circle.
void adjust_hue(Pixels& pixels, double turn);
/// The four in an order and by factors that are drawn.
void jitter_colors(Pixels& pixels, const ColorJitter& jitter, Random& random);
/// Fills a box with zeros.
void erase(Pixels& pixels, const Box& box);

}  // namespace ringfeed
