// Which format, and which way is up.
#include "image/decode.hpp"

#include <cstring>

namespace ringfeed {
namespace {

/// What the orientation does to the stored picture: first rows and columns change places, then each
/// may run backwards.
struct Turn {
  bool swapped = false;
  bool mirrored = false;     ///< columns run backwards
  bool upside_down = false;  ///< rows do
};

Turn turn_of(std::uint32_t orientation) {
  constexpr Turn kTurns[] = {{false, false, false}, {false, true, false}, {false, true, true},
                             {false, false, true},  {true, false, false}, {true, true, false},
                             {true, true, true},    {true, false, true}};
  return kTurns[(orientation - 1) & 7];
}

/// Where a box of the upright picture is in the stored one.
Box stored_box(const Box& box, const UprightSize& size, const Turn& turn) {
  Box stored = box;
  if (turn.mirrored) stored.left = size.width - box.left - box.width;
  if (turn.upside_down) stored.top = size.height - box.top - box.height;
  if (!turn.swapped) return stored;
  return {stored.top, stored.left, stored.height, stored.width};
}

void make_upright(const Pixels& stored, const Turn& turn, Pixels& to) {
  to.make(turn.swapped ? stored.height : stored.width, turn.swapped ? stored.width : stored.height);
  for (std::uint32_t y = 0; y < to.height; ++y) {
    const std::uint32_t row = turn.upside_down ? to.height - 1 - y : y;
    std::uint8_t* pixel = to.row(y);
    for (std::uint32_t x = 0; x < to.width; ++x, pixel += kChannels) {
      const std::uint32_t column = turn.mirrored ? to.width - 1 - x : x;
      const std::uint8_t* from = turn.swapped ? stored.row(column) + kChannels * row
                                              : stored.row(row) + kChannels * column;
      std::memcpy(pixel, from, kChannels);
    }
  }
}

void decode_stored(std::span<const std::byte> file, const ImageInfo& info, const Box& box,
                   Pixels& to, std::vector<std::uint8_t>& line) {
  switch (info.format) {
    case ImageFormat::kJpeg:
      return decode_jpeg(file, info, box, to, line);
    case ImageFormat::kPng:
      return decode_png(file, info, box, to, line);
    case ImageFormat::kWebp:
      return decode_webp(file, info, box, to, line);
  }
}

}  // namespace

UprightSize upright_size(const ImageInfo& info) noexcept {
  if (turn_of(info.orientation).swapped) return {info.height, info.width};
  return {info.width, info.height};
}

void decode(std::span<const std::byte> file, const ImageInfo& info, const Box& box, Pixels& to,
            DecodeScratch& scratch) {
  if (info.orientation == 1) return decode_stored(file, info, box, to, scratch.line);
  const Turn turn = turn_of(info.orientation);
  decode_stored(file, info, stored_box(box, upright_size(info), turn), scratch.stored,
                scratch.line);
  make_upright(scratch.stored, turn, to);
}

Picture decode_image(std::span<const std::byte> file) {
  const ImageInfo info = probe_image(file);
  const auto [width, height] = upright_size(info);
  Pixels pixels;
  DecodeScratch scratch;
  decode(file, info, {0, 0, width, height}, pixels, scratch);
  return {width, height, std::move(pixels.rgb)};
}

}  // namespace ringfeed
