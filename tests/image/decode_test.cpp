// Rectangles of a JPEG against the whole, and files that end early.
#include "image/decode.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ringfeed/error.hpp>
#include <tuple>

#include "base/random.hpp"
#include "image/libjpeg.hpp"

namespace ringfeed {
namespace {

/// How colours are subsampled, and how the file is written.
struct Kind {
  int across = 2;
  int down = 2;
  bool progressive = false;
  int restart = 0;
};

std::vector<std::byte> jpeg_of(std::uint32_t width, std::uint32_t height, const Kind& kind) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_width = width;
  info.image_height = height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  info.comp_info[0].h_samp_factor = kind.across;
  info.comp_info[0].v_samp_factor = kind.down;
  info.restart_interval = static_cast<unsigned>(kind.restart);
  if (kind.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  Random random(width * 1000 + height);
  std::vector<unsigned char> row(std::size_t{width} * 3);
  while (info.next_scanline < height) {
    for (auto& value : row) value = static_cast<unsigned char>(random.next());
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  const auto* begin = reinterpret_cast<const std::byte*>(bytes);
  std::vector<std::byte> file(begin, begin + size);
  std::free(bytes);
  return file;
}

TEST(Decode, ABoxIsThatOfTheWhole) {
  const Kind kinds[] = {{1, 1}, {2, 1},       {2, 2},           {1, 2},
                        {4, 1}, {2, 2, true}, {2, 1, false, 1}, {1, 1, true, 2}};
  Random random(7);
  DecodeScratch scratch;
  for (const auto& kind : kinds) {
    for (int picture = 0; picture < 12; ++picture) {
      const auto width = static_cast<std::uint32_t>(1 + random.below(70));
      const auto height = static_cast<std::uint32_t>(1 + random.below(70));
      const auto file = jpeg_of(width, height, kind);
      const ImageInfo info = probe_image(file);
      Pixels whole;
      decode(file, info, {0, 0, width, height}, whole, scratch);
      for (int i = 0; i < 60; ++i) {
        Box box;
        box.left = static_cast<std::uint32_t>(random.below(width));
        box.top = static_cast<std::uint32_t>(random.below(height));
        box.width = static_cast<std::uint32_t>(1 + random.below(width - box.left));
        box.height = static_cast<std::uint32_t>(1 + random.below(height - box.top));
        Pixels part;
        decode(file, info, box, part, scratch);
        for (std::uint32_t y = 0; y < box.height; ++y) {
          ASSERT_TRUE(std::equal(part.row(y), part.row(y) + part.row_bytes(),
                                 whole.row(box.top + y) + kChannels * box.left))
              << kind.across << " x " << kind.down << ", " << width << " x " << height << ": "
              << box.left << ", " << box.top << ", " << box.width << ", " << box.height;
        }
      }
    }
  }
}

TEST(Decode, AFileThatEndsEarlyIsAnError) {
  for (const bool progressive : {false, true}) {
    const auto file = jpeg_of(40, 30, {2, 2, progressive});
    for (std::size_t bytes = 0; bytes < file.size(); bytes += 1 + bytes / 50)
      EXPECT_THROW(decode_image(std::span(file).first(bytes)), Error) << bytes;
  }
}

TEST(Decode, AnOrientationTurnsThePictureAndItsBoxes) {
  const auto file = jpeg_of(20, 12, {1, 1});
  const Picture stored = decode_image(file);
  for (std::uint32_t orientation = 1; orientation <= 8; ++orientation) {
    ImageInfo info = probe_image(file);
    info.orientation = orientation;
    const auto [width, height] = upright_size(info);
    EXPECT_EQ(width, orientation < 5 ? 20U : 12U);
    DecodeScratch scratch;
    Pixels whole;
    decode(file, info, {0, 0, width, height}, whole, scratch);
    Pixels part;
    decode(file, info, {3, 2, 5, 4}, part, scratch);
    for (std::uint32_t y = 0; y < 4; ++y) {
      EXPECT_TRUE(std::equal(part.row(y), part.row(y) + part.row_bytes(),
                             whole.row(y + 2) + 3 * kChannels));
    }
    EXPECT_EQ(whole.rgb == stored.rgb, orientation == 1);
  }
}

}  // namespace
}  // namespace ringfeed
