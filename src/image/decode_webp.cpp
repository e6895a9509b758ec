// WebP by libwebp: always the whole picture, as its decoder makes all rows anyway.
#include <webp/decode.h>

#include <cstring>
#include <ringfeed/error.hpp>

#include "image/decode.hpp"

namespace ringfeed {

void decode_webp(std::span<const std::byte> file, const ImageInfo& expected, const Box& box,
                 Pixels& to, std::vector<std::uint8_t>& line) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(file.data());
  int width = 0;
  int height = 0;
  const auto fits = [](int side, std::uint32_t due) {
    return side >= 0 && static_cast<std::uint32_t>(side) == due;
  };
  if (WebPGetInfo(data, file.size(), &width, &height) == 0 || !fits(width, expected.width) ||
      !fits(height, expected.height))
    throw Error(ErrorCode::kBadData, "the head of this WebP is damaged");
  const std::size_t row_bytes = kChannels * std::size_t{expected.width};
  const bool whole = box == Box{0, 0, expected.width, expected.height};
  to.make(box.width, box.height);
  std::vector<std::uint8_t>& buffer = whole ? to.rgb : line;
  buffer.resize(row_bytes * expected.height);
  if (WebPDecodeRGBInto(data, file.size(), buffer.data(), buffer.size(),
                        static_cast<int>(row_bytes)) == nullptr)
    throw Error(ErrorCode::kBadData, "the WebP is damaged or cut off: fetch or write it again");
  if (whole) return;
  for (std::uint32_t y = 0; y < box.height; ++y) {
    std::memcpy(to.row(y), buffer.data() + (box.top + y) * row_bytes + kChannels * box.left,
                to.row_bytes());
  }
}

}  // namespace ringfeed
