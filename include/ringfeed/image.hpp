// Pictures: what a file of one says of itself, its pixels, and the steps from its bytes to a
// tensor: decoded, cut, resized, flipped, normalized. JPEG, PNG and WebP. docs/images.md has the
// steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringfeed/error.hpp>
#include <ringfeed/schema.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Error of a picture that is whole, and that a step cannot be done with.
struct DoesNotFit : Error {
  using Error::Error;
};

/// Most pixels of a picture: more are refused before any memory is taken for them.
inline constexpr std::uint64_t kPicturePixelsMax = std::uint64_t{1} << 27;
/// Most rows and columns that a step may ask for.
inline constexpr std::uint32_t kStepSideMax = 4096;
/// Most steps of a column.
inline constexpr std::size_t kImageStepsMax = 32;

/// Formats of pictures.
enum class ImageFormat : std::uint8_t { kJpeg, kPng, kWebp };
/// "jpeg", "png", "webp".
std::string_view name_of(ImageFormat format) noexcept;

/// Facts in the head of a picture's file.
struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  std::uint32_t width = 0;     ///< pixels as they are stored, before the orientation
  std::uint32_t height = 0;    ///< rows as they are stored
  std::uint32_t channels = 0;  ///< channels as they are stored: 1 gray, 3 RGB, 4 CMYK or RGBA
  /// EXIF's orientation, 1 to 8: 1 is upright; from 5 on rows and columns change places.
  std::uint32_t orientation = 1;
};

/// Reads the head of a picture. Throws Error{kBadData}: not one of the formats, a size of 0 or of
/// more than kPicturePixelsMax, 16 bits per channel, an animation.
ImageInfo probe_image(std::span<const std::byte> file);

/// Pixels of a picture: three bytes each, red, green and blue, row by row.
struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;
};

/// Decodes a picture, upright by its orientation. The pixels are those of Pillow's convert("RGB").
/// Throws Error{kBadData} as probe_image() does, and for a file that is cut off or damaged.
Picture decode_image(std::span<const std::byte> file);

/// Steps from the bytes of a picture to a tensor [3, height, width] of uint8 or float32. They are
/// named as in torchvision.transforms.v2 (docs/images.md). Thread-safe.
class ImageSteps {
 public:
  /// Parses "random_resized_crop:224,flip,normalize:imagenet". Throws Error{kInvalidArgument} that
  /// names the step: unknown, not in this place, or without a size in the end.
  static ImageSteps parse(std::string_view text);

  /// The steps with all their values, as parse() takes them: two texts are equal when the steps do
  /// the same.
  std::string text() const;
  /// kFloat32 with normalize or float among the steps, else kUInt8.
  DType dtype() const noexcept;
  /// [3, height, width].
  std::vector<std::int64_t> shape() const;
  /// The steps for validation: nothing random in them. random_resized_crop becomes a resize to 8/7
  /// of its size and a center_crop, random_crop a center_crop; the other random steps are left out.
  ImageSteps for_validation() const;

  /// Writes the tensor. All that is random in it is drawn from `key`. Throws Error{kBadData} as
  /// decode_image() does, and for a picture that is smaller than a crop.
  void run(std::span<const std::byte> file, std::uint64_t key, void* to) const;

  /// The key of a sample in an epoch, by its number in storage order: equal on any rank, thread and
  /// store.
  static std::uint64_t key(std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample) noexcept;

 private:
  struct Program;
  explicit ImageSteps(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace ringfeed
