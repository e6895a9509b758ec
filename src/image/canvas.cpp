// Cuts are put together as long as one decode and one resize can make them.
#include "image/canvas.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ringfeed {

Canvas::Canvas(std::span<const std::byte> file, CanvasScratch& scratch)
    : file_(file), info_(probe_image(file)), scratch_(scratch) {
  const auto [width, height] = upright_size(info_);
  cut_ = {{0, 0, width, height}, width, height, {0, 0, width, height}};
}

void Canvas::resize(Side to) {
  if (mirrored_ || upside_down_ || cut_.resizes()) settled();
  const Box& window = cut_.window;
  cut_.source = {cut_.source.left + window.left, cut_.source.top + window.top, window.width,
                 window.height};
  cut_.width = to.width;
  cut_.height = to.height;
  cut_.window = {0, 0, to.width, to.height};
}

void Canvas::crop(std::int64_t left, std::int64_t top, Side to) {
  if (mirrored_ || upside_down_) settled();
  const std::int64_t right = left + to.width;
  const std::int64_t bottom = top + to.height;
  Box& window = cut_.window;
  if (left >= 0 && top >= 0 && right <= window.width && bottom <= window.height) {
    window = {window.left + static_cast<std::uint32_t>(left),
              window.top + static_cast<std::uint32_t>(top), to.width, to.height};
    return;
  }
  const Pixels& from = settled();
  Pixels& made = scratch_.back;
  made.make(to.width, to.height);
  std::ranges::fill(made.rgb, std::uint8_t{0});
  const std::int64_t x_begin = std::max<std::int64_t>(left, 0);
  const std::int64_t x_end = std::min<std::int64_t>(right, from.width);
  const std::int64_t y_end = std::min<std::int64_t>(bottom, from.height);
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < y_end && x_begin < x_end; ++y) {
    std::memcpy(
        made.row(static_cast<std::uint32_t>(y - top)) +
            kChannels * static_cast<std::size_t>(x_begin - left),
        from.row(static_cast<std::uint32_t>(y)) + kChannels * static_cast<std::size_t>(x_begin),
        kChannels * static_cast<std::size_t>(x_end - x_begin));
  }
  std::swap(scratch_.front, scratch_.back);
  take_whole();
}

void Canvas::mirror(bool vertical) {
  bool& flag = vertical ? upside_down_ : mirrored_;
  flag = !flag;
}

Pixels& Canvas::pixels() {
  make_pixels();
  return scratch_.front;
}

Pixels& Canvas::settled() {
  Pixels& pixels = this->pixels();
  if (upside_down_) {
    for (std::uint32_t y = 0; y < pixels.height / 2; ++y) {
      std::swap_ranges(pixels.row(y), pixels.row(y) + pixels.row_bytes(),
                       pixels.row(pixels.height - 1 - y));
    }
  }
  if (mirrored_) {
    for (std::uint32_t y = 0; y < pixels.height; ++y) {
      std::uint8_t* left = pixels.row(y);
      std::uint8_t* right = left + pixels.row_bytes() - kChannels;
      for (; left < right; left += kChannels, right -= kChannels)
        std::swap_ranges(left, left + kChannels, right);
    }
  }
  mirrored_ = upside_down_ = false;
  return pixels;
}

void Canvas::take_whole() {
  const auto width = scratch_.front.width;
  const auto height = scratch_.front.height;
  decoded_ = true;
  cut_ = {{0, 0, width, height}, width, height, {0, 0, width, height}};
}

/// Does what cut_ says: scratch_.front is its window then.
void Canvas::make_pixels() {
  const Box& window = cut_.window;
  const bool resizes = cut_.resizes();
  const Box needed = resizes ? scratch_.resizer.plan(cut_)
                             : Box{cut_.source.left + window.left, cut_.source.top + window.top,
                                   window.width, window.height};
  Pixels& front = scratch_.front;
  if (!decoded_) {
    decode(file_, info_, needed, front, scratch_.decode);
  } else if (needed != Box{0, 0, front.width, front.height}) {
    Pixels& part = scratch_.back;
    part.make(needed.width, needed.height);
    for (std::uint32_t y = 0; y < needed.height; ++y) {
      std::memcpy(part.row(y), front.row(needed.top + y) + kChannels * needed.left,
                  part.row_bytes());
    }
    std::swap(scratch_.front, scratch_.back);
  }
  if (resizes) {
    scratch_.resizer.run(scratch_.front, scratch_.back);
    std::swap(scratch_.front, scratch_.back);
  }
  take_whole();
}

}  // namespace ringfeed
