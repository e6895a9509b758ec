// Windows of a resized picture against the whole.
#include "image/resize.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace ringfeed {
namespace {

Pixels noise(std::uint32_t width, std::uint32_t height) {
  Pixels pixels;
  pixels.make(width, height);
  Random random(width * height);
  for (auto& value : pixels.rgb) value = static_cast<std::uint8_t>(random.next());
  return pixels;
}

Pixels part_of(const Pixels& pixels, const Box& box) {
  Pixels part;
  part.make(box.width, box.height);
  for (std::uint32_t y = 0; y < box.height; ++y) {
    const std::uint8_t* from = pixels.row(box.top + y) + kChannels * box.left;
    std::copy(from, from + part.row_bytes(), part.row(y));
  }
  return part;
}

TEST(Resizer, AWindowIsThatOfTheWholeAndLooksAtNoMore) {
  const Pixels picture = noise(61, 47);
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const auto draw = [&](std::uint32_t most) {
      return static_cast<std::uint32_t>(1 + random.below(most));
    };
    Cut cut{{0, 0, 61, 47}, draw(100), draw(100), {}};
    cut.window = {0, 0, cut.width, cut.height};
    Resizer resizer;
    EXPECT_EQ(resizer.plan(cut), cut.source);
    Pixels whole;
    resizer.run(picture, whole);
    cut.window.width = draw(cut.width);
    cut.window.height = draw(cut.height);
    cut.window.left = draw(cut.width - cut.window.width + 1) - 1;
    cut.window.top = draw(cut.height - cut.window.height + 1) - 1;
    Pixels window;
    const Box needed = resizer.plan(cut);
    resizer.run(part_of(picture, needed), window);
    EXPECT_EQ(window.rgb, part_of(whole, cut.window).rgb);
  }
}

TEST(Resizer, OneColourStaysIt) {
  Pixels picture = noise(30, 20);
  std::fill(picture.rgb.begin(), picture.rgb.end(), std::uint8_t{251});
  Resizer resizer;
  resizer.plan({{0, 0, 30, 20}, 7, 90, {0, 0, 7, 90}});
  Pixels made;
  resizer.run(picture, made);
  EXPECT_EQ(made.rgb, std::vector<std::uint8_t>(std::size_t{7} * 90 * 3, 251));
}

}  // namespace
}  // namespace ringfeed
