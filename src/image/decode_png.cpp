// PNG by libpng, row by row but for interlaced ones. libpng jumps out of its errors, so that
// nothing with a destructor lives between setjmp and its calls.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <ringfeed/error.hpp>

#include "image/decode.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kPngTextBytes = 200;
/// Of a chunk that is not pixels.
constexpr std::size_t kPngChunkBytesMax = std::size_t{8} << 20;

/// A file in memory, and what went wrong with it.
struct Png {
  std::span<const std::byte> left;
  char text[kPngTextBytes] = "the PNG is damaged: ";
  png_structp reader = nullptr;
  png_infop info = nullptr;

  ~Png() { png_destroy_read_struct(&reader, &info, nullptr); }
};

extern "C" {
[[noreturn]] static void on_png_error(png_structp reader, const char* what) {
  auto* png = static_cast<Png*>(png_get_error_ptr(reader));
  std::strncat(png->text, what, kPngTextBytes - std::strlen(png->text) - 1);
  png_longjmp(reader, 1);
}
static void on_png_warning(png_structp, const char*) {}
static void read_png(png_structp reader, png_bytep to, std::size_t bytes) {
  auto* png = static_cast<Png*>(png_get_io_ptr(reader));
  if (bytes > png->left.size()) {
    std::strncpy(png->text, "the picture is cut off: fetch or write it again", kPngTextBytes - 1);
    png_longjmp(reader, 1);
  }
  std::memcpy(to, png->left.data(), bytes);
  png->left = png->left.subspan(bytes);
}
}

/// Until the rows: whatever it is becomes RGB of 8 bits; transparency is left out.
void begin(Png& png, const ImageInfo& expected) {
  png_set_user_limits(png.reader, expected.width, expected.height);
  png_set_chunk_malloc_max(png.reader, kPngChunkBytesMax);
  png_set_read_fn(png.reader, &png, read_png);
  png_read_info(png.reader, png.info);
  png_set_expand(png.reader);
  png_set_gray_to_rgb(png.reader);
  png_set_strip_alpha(png.reader);
  png_set_interlace_handling(png.reader);
  png_read_update_info(png.reader, png.info);
}

/// What is read: the rows down to the box's end, or of an interlaced one all, at once.
struct Rows {
  Box box;
  std::uint32_t all = 0;
  std::size_t bytes = 0;  ///< of each
  bool interlaced = false;
};

void read_rows(Png& png, const Rows& rows, std::uint8_t* buffer, Pixels& to) {
  if (png_get_rowbytes(png.reader, png.info) != rows.bytes)
    on_png_error(png.reader, "its rows have another length than its head says");
  const Box& box = rows.box;
  const int passes = rows.interlaced ? PNG_INTERLACE_ADAM7_PASSES : 1;
  for (int pass = 0; pass < passes; ++pass) {
    const std::uint32_t end = rows.interlaced ? rows.all : box.top + box.height;
    for (std::uint32_t y = 0; y < end; ++y) {
      std::uint8_t* const row = buffer + (rows.interlaced ? y * rows.bytes : 0);
      png_read_row(png.reader, row, nullptr);
      if (pass + 1 < passes || y < box.top || y >= box.top + box.height) continue;
      std::memcpy(to.row(y - box.top), row + kChannels * box.left, to.row_bytes());
    }
  }
  if (box.top + box.height == rows.all) png_read_end(png.reader, nullptr);
}

}  // namespace

void decode_png(std::span<const std::byte> file, const ImageInfo& expected, const Box& box,
                Pixels& to, std::vector<std::uint8_t>& line) {
  constexpr std::size_t kInterlaceAt = 28;
  Png png;
  png.left = file;
  png.reader = png_create_read_struct(PNG_LIBPNG_VER_STRING, &png, on_png_error, on_png_warning);
  if (png.reader != nullptr) png.info = png_create_info_struct(png.reader);
  if (png.info == nullptr) throw Error(ErrorCode::kInternal, "libpng has no memory");
  to.make(box.width, box.height);
  const Rows rows{box, expected.height, kChannels * std::size_t{expected.width},
                  file.size() > kInterlaceAt && file[kInterlaceAt] != std::byte{0}};
  line.resize(rows.bytes * (rows.interlaced ? rows.all : 1));
  if (setjmp(png_jmpbuf(png.reader)) != 0) throw Error(ErrorCode::kBadData, png.text);
  begin(png, expected);
  read_rows(png, rows, line.data(), to);
}

}  // namespace ringfeed
