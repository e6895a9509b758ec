// A rectangle of a picture, decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/image.hpp>
#include <span>
#include <vector>

#include "image/pixels.hpp"

namespace ringfeed {

/// Memory of a thread that decodes, kept from picture to picture.
struct DecodeScratch {
  Pixels stored;  ///< what is not yet upright
  std::vector<std::uint8_t> line;
};

/// Width and height once the picture is upright.
struct UprightSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};
UprightSize upright_size(const ImageInfo& info) noexcept;

/// The pixels of `box`, which is inside the upright picture: exactly those that a decode of the
/// whole has there. `info` is what probe_image() said. Throws Error{kBadData}.
void decode(std::span<const std::byte> file, const ImageInfo& info, const Box& box, Pixels& to,
            DecodeScratch& scratch);

// Each format; `box` is in pixels as they are stored.
void decode_jpeg(std::span<const std::byte> file, const ImageInfo& info, const Box& box, Pixels& to,
                 std::vector<std::uint8_t>& line);
void decode_png(std::span<const std::byte> file, const ImageInfo& info, const Box& box, Pixels& to,
                std::vector<std::uint8_t>& line);
void decode_webp(std::span<const std::byte> file, const ImageInfo& info, const Box& box, Pixels& to,
                 std::vector<std::uint8_t>& line);

}  // namespace ringfeed
