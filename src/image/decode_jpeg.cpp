// JPEG by libjpeg-turbo. Of a box it decodes the columns and rows that are in it, and one more on
// each side: the upsampling of colours looks at a neighbour. libjpeg jumps out of its errors, so
// that nothing with a destructor lives between setjmp and its calls.
#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <ringfeed/error.hpp>
#include <string>

#include "image/decode.hpp"
#include "image/libjpeg.hpp"

namespace ringfeed {
namespace {

/// Scans of a progressive JPEG; each is a pass over all of its pixels.
constexpr int kScansMax = 256;
constexpr int kCmyk = 4;
/// Columns that are decoded at least: the upsampling is another one for two of a colour.
constexpr JDIMENSION kColumnsMin = 8;

constexpr char kCutOff[] = "the picture is cut off: fetch or write it again";

constexpr std::size_t kJpegTextBytes = JMSG_LENGTH_MAX + 32;

struct Failure {
  jpeg_error_mgr base;  // first: libjpeg knows this part
  std::jmp_buf jump;
  char text[kJpegTextBytes];
};

[[noreturn]] void fail(j_common_ptr info, const char* text) {
  auto* failure = reinterpret_cast<Failure*>(info->err);
  std::snprintf(failure->text, sizeof(failure->text), "%s", text);
  std::longjmp(failure->jump, 1);
}

extern "C" {
static void on_error(j_common_ptr info) {
  char what[JMSG_LENGTH_MAX];
  info->err->format_message(info, what);
  char text[kJpegTextBytes];
  std::snprintf(text, sizeof(text), "the JPEG is damaged: %s", what);
  fail(info, text);
}
static void on_message(j_common_ptr) {}
static void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kScansMax)
    fail(info, "a JPEG of more than 256 scans: write it again");
}
static void begin_source(j_decompress_ptr) {}
static void end_source(j_decompress_ptr) {}
static boolean fill_source(j_decompress_ptr info) {
  fail(reinterpret_cast<j_common_ptr>(info), kCutOff);
}
static void skip_source(j_decompress_ptr info, long bytes) {
  if (bytes <= 0) return;
  if (static_cast<std::size_t>(bytes) > info->src->bytes_in_buffer) fill_source(info);
  info->src->next_input_byte += bytes;
  info->src->bytes_in_buffer -= static_cast<std::size_t>(bytes);
}
}

/// A decompressor over a file in memory.
struct Jpeg {
  explicit Jpeg(std::span<const std::byte> file) {
    info.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = on_error;
    failure.base.output_message = on_message;
    source.next_input_byte = reinterpret_cast<const JOCTET*>(file.data());
    source.bytes_in_buffer = file.size();
    source.init_source = begin_source;
    source.fill_input_buffer = fill_source;
    source.skip_input_data = skip_source;
    source.resync_to_restart = jpeg_resync_to_restart;
    source.term_source = end_source;
    progress.progress_monitor = on_progress;
  }
  ~Jpeg() { jpeg_destroy_decompress(&info); }
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;

  jpeg_decompress_struct info{};
  Failure failure{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
};

/// As Pillow makes RGB of it; the values of such files are stored inverted.
void rgb_of_cmyk(const std::uint8_t* from, std::uint8_t* to, std::uint32_t pixels) {
  for (std::uint32_t i = 0; i < pixels; ++i, from += kCmyk, to += kChannels) {
    const int white = from[3];
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - from[c]) * white + 128;
      to[c] =
          static_cast<std::uint8_t>(std::clamp(white - ((product + (product >> 8)) >> 8), 0, 255));
    }
  }
}

/// Whether a part of it decodes as the whole does: all that is usual.
bool can_cut(const jpeg_decompress_struct& info) {
  if (info.num_components == 1) return true;
  if (info.num_components != 3) return false;
  const auto& luma = info.comp_info[0];
  for (int c = 1; c < 3; ++c) {
    if (info.comp_info[c].h_samp_factor != 1 || info.comp_info[c].v_samp_factor != 1) return false;
  }
  return luma.h_samp_factor <= 2 && luma.v_samp_factor <= 2 &&
         luma.v_samp_factor <= luma.h_samp_factor;
}

/// What of the file is decoded: more than the box where that cannot be cut out.
struct Window {
  JDIMENSION left = 0;
  JDIMENSION width = 0;
  JDIMENSION top = 0;
};

/// Begins, and leaves out what is beside and above the box.
Window begin(Jpeg& jpeg, const ImageInfo& expected, const Box& box) {
  jpeg_decompress_struct& info = jpeg.info;
  jpeg_create_decompress(&info);
  info.src = &jpeg.source;
  info.progress = &jpeg.progress;
  jpeg_read_header(&info, TRUE);
  if (info.image_width != expected.width || info.image_height != expected.height)
    fail(reinterpret_cast<j_common_ptr>(&info), "the JPEG has two sizes");
  info.out_color_space = info.num_components == kCmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  Window window{0, info.output_width, 0};
  if (!can_cut(info)) return window;
  if (box.width < info.output_width) {
    const JDIMENSION right =
        std::min(std::max(box.left + box.width + 1, kColumnsMin), info.output_width);
    window.left = std::min(box.left - std::min<JDIMENSION>(box.left, 1),
                           right - std::min(right, kColumnsMin));
    window.width = right - window.left;
    jpeg_crop_scanline(&info, &window.left, &window.width);
  }
  window.top = box.top - std::min<JDIMENSION>(box.top, 1);
  if (window.top > 0) jpeg_skip_scanlines(&info, window.top);
  return window;
}

void read_rows(Jpeg& jpeg, const ImageInfo& expected, const Box& box, Pixels& to,
               std::uint8_t* line) {
  jpeg_decompress_struct& info = jpeg.info;
  const Window window = begin(jpeg, expected, box);
  const bool cmyk = info.num_components == kCmyk;
  const bool direct = !cmyk && window.left == box.left && window.width == box.width;
  for (JDIMENSION y = window.top; y < box.top + box.height; ++y) {
    JSAMPROW row = y >= box.top && direct ? to.row(y - box.top) : line;
    jpeg_read_scanlines(&info, &row, 1);
    if (y < box.top || direct) continue;
    if (cmyk)
      rgb_of_cmyk(line + kCmyk * box.left, to.row(y - box.top), box.width);
    else
      std::memcpy(to.row(y - box.top), line + kChannels * (box.left - window.left), to.row_bytes());
  }
  // To its end, where its last row was asked for: a file without one is cut off.
  if (info.output_scanline == info.output_height) jpeg_finish_decompress(&info);
}

}  // namespace

void decode_jpeg(std::span<const std::byte> file, const ImageInfo& expected, const Box& box,
                 Pixels& to, std::vector<std::uint8_t>& line) {
  Jpeg jpeg(file);
  to.make(box.width, box.height);
  line.resize(kCmyk * std::size_t{expected.width});
  if (setjmp(jpeg.failure.jump) != 0) throw Error(ErrorCode::kBadData, jpeg.failure.text);
  read_rows(jpeg, expected, box, to, line.data());
}

}  // namespace ringfeed
