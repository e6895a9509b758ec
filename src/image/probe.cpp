// The heads of JPEG (ITU T.81), PNG (W3C) and WebP (RFC 9649) files, read without their libraries:
// every offset is held against the end of the file.
#include <fmt/format.h>

#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>

#include "image/bytes.hpp"

namespace ringfeed {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kBadData, what); }

/// EXIF's tag 0x0112 of the first directory; 1 where there is none, or a damaged one.
std::uint32_t orientation_of(Bytes exif) {
  const bool little = exif.starts_with(std::string_view("II*\0", 4));
  if (!little && !exif.starts_with(std::string_view("MM\0*", 4))) return 1;
  const auto number = [&](std::size_t at, std::size_t bytes) {
    return little ? exif.little(at, bytes) : exif.big(at, bytes);
  };
  const std::size_t directory = number(4, 4).value_or(0);
  const std::size_t entries = number(directory, 2).value_or(0);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    const auto tag = number(entry, 2);
    if (!tag) return 1;
    if (*tag != 0x0112) continue;
    const auto value = number(entry + 8, 2).value_or(1);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

bool is_frame_header(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

ImageInfo probe_jpeg(Bytes file) {
  ImageInfo info{.format = ImageFormat::kJpeg};
  std::size_t at = 2;
  while (true) {
    while (file.big(at, 1) == 0xFFU && file.big(at + 1, 1) == 0xFFU) ++at;  // fill bytes
    const auto marker = file.big(at + 1, 1);
    const auto length = file.big(at + 2, 2);
    if (!marker || !length) refuse("the picture is cut off in its head");
    if (file.big(at, 1) != 0xFFU || *length < 2 || *marker == 0xDA)
      refuse("the head of this JPEG is damaged");
    const Bytes segment = file.part(at + 4, *length - 2);
    if (*marker == 0xE1 && segment.starts_with(std::string_view("Exif\0\0", 6)))
      info.orientation = orientation_of(segment.part(6));
    if (is_frame_header(*marker)) {
      const auto bits = segment.big(0, 1);
      info.height = segment.big(1, 2).value_or(0);
      info.width = segment.big(3, 2).value_or(0);
      info.channels = segment.big(5, 1).value_or(0);
      if (bits != 8U) refuse(fmt::format("a JPEG of {} bits where 8 are due", bits.value_or(0)));
      return info;
    }
    at += 2 + *length;
  }
}

constexpr std::string_view kPngBegin("\x89PNG\r\n\x1a\n", 8);

ImageInfo probe_png(Bytes file) {
  ImageInfo info{.format = ImageFormat::kPng};
  const auto bits = file.big(24, 1);
  const auto color = file.big(25, 1);
  if (!file.part(12).starts_with("IHDR") || !color) refuse("the head of this PNG is damaged");
  info.width = *file.big(16, 4);
  info.height = *file.big(20, 4);
  constexpr std::uint32_t kGrayAlpha = 4;
  constexpr std::uint32_t kGray = 0;
  constexpr std::uint32_t kRgba = 6;
  info.channels = *color == kGray ? 1 : *color == kGrayAlpha ? 2 : *color == kRgba ? 4 : 3;
  if (*bits > 8) refuse("a PNG of 16 bits where 8 are due: convert it");
  // Chunks before the pixels; the orientation may stand among them.
  std::size_t at = kPngBegin.size();
  for (auto length = file.big(at, 4); length; length = file.big(at, 4)) {
    const Bytes name = file.part(at + 4, 4);
    if (name.starts_with("IDAT") || name.starts_with("IEND")) break;
    if (name.starts_with("eXIf")) info.orientation = orientation_of(file.part(at + 8, *length));
    at += std::size_t{12} + *length;
  }
  return info;
}

ImageInfo probe_webp(Bytes file) {
  ImageInfo info{.format = ImageFormat::kWebp, .channels = 3};
  constexpr std::uint32_t kAlpha = 0x10;
  constexpr std::uint32_t kAnimation = 0x02;
  const Bytes chunk = file.part(12);
  if (chunk.starts_with("VP8X")) {
    const auto flags = chunk.little(8, 1).value_or(0);
    if ((flags & kAnimation) != 0)
      refuse("an animated WebP: store its frames as pictures of their own");
    info.width = chunk.little(12, 3).value_or(0) + 1;
    info.height = chunk.little(15, 3).value_or(0) + 1;
    if (!chunk.little(15, 3)) refuse("the picture is cut off in its head");
    if ((flags & kAlpha) != 0) info.channels = 4;
  } else if (chunk.starts_with("VP8L")) {
    const auto packed = chunk.little(9, 4);
    if (!packed) refuse("the picture is cut off in its head");
    info.width = (*packed & 0x3FFF) + 1;
    info.height = (*packed >> 14 & 0x3FFF) + 1;
    if ((*packed >> 28 & 1) != 0) info.channels = 4;
  } else if (chunk.starts_with("VP8 ")) {
    const auto height = chunk.little(16, 2);
    if (!height) refuse("the picture is cut off in its head");
    info.width = *chunk.little(14, 2) & 0x3FFF;
    info.height = *height & 0x3FFF;
  } else {
    refuse("the head of this WebP is damaged");
  }
  std::size_t at = 12;
  for (auto length = file.little(at + 4, 4); length; length = file.little(at + 4, 4)) {
    if (file.part(at).starts_with("EXIF")) {
      Bytes exif = file.part(at + 8, *length);
      if (exif.starts_with(std::string_view("Exif\0\0", 6))) exif = exif.part(6);
      info.orientation = orientation_of(exif);
    }
    at += std::size_t{8} + *length + (*length & 1);
  }
  return info;
}

ImageInfo probe(Bytes file) {
  if (file.starts_with("\xFF\xD8\xFF")) return probe_jpeg(file);
  if (file.starts_with(kPngBegin)) return probe_png(file);
  if (file.starts_with("RIFF") && file.part(8).starts_with("WEBP")) return probe_webp(file);
  refuse(file.size() == 0 ? "no bytes where a picture is due"
                          : "not a picture that can be read: JPEG, PNG and WebP can");
}

}  // namespace

std::string_view name_of(ImageFormat format) noexcept {
  switch (format) {
    case ImageFormat::kJpeg:
      return "jpeg";
    case ImageFormat::kPng:
      return "png";
    case ImageFormat::kWebp:
      return "webp";
  }
  return "";
}

ImageInfo probe_image(std::span<const std::byte> file) {
  const ImageInfo info = probe(Bytes(file));
  if (info.width == 0 || info.height == 0)
    refuse(fmt::format("a picture of {} x {} pixels", info.width, info.height));
  const std::uint64_t pixels = std::uint64_t{info.width} * info.height;
  if (pixels > kPicturePixelsMax) {
    refuse(fmt::format("a picture of {} x {} pixels, over the limit of {}: make it smaller",
                       info.width, info.height, kPicturePixelsMax));
  }
  return info;
}

}  // namespace ringfeed
