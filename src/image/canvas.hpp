// A picture on its way through the steps. What cuts and resizes is noted, and done at once when
// pixels are needed: of a file no more is decoded than what comes out.
#pragma once

#include <cstdint>
#include <ringfeed/image.hpp>
#include <span>

#include "image/decode.hpp"
#include "image/pixels.hpp"
#include "image/resize.hpp"
#include "image/step.hpp"

namespace ringfeed {

/// Memory of a thread, kept from picture to picture.
struct CanvasScratch {
  DecodeScratch decode;
  Resizer resizer;
  Pixels front;
  Pixels back;
};

class Canvas {
 public:
  /// Throws Error{kBadData} for what is no picture.
  Canvas(std::span<const std::byte> file, CanvasScratch& scratch);

  Side size() const noexcept { return {cut_.window.height, cut_.window.width}; }

  void resize(Side to);
  /// The box may go over the edges: zeros are there.
  void crop(std::int64_t left, std::int64_t top, Side size);
  void mirror(bool vertical);

  /// The pixels, but for the mirroring that is still to be done.
  Pixels& pixels();
  bool is_mirrored() const noexcept { return mirrored_; }
  bool is_upside_down() const noexcept { return upside_down_; }
  /// The pixels as they are.
  Pixels& settled();

 private:
  void make_pixels();
  void take_whole();

  const std::span<const std::byte> file_;
  const ImageInfo info_;
  CanvasScratch& scratch_;
  Cut cut_;
  bool decoded_ = false;  ///< the source of cut_ is scratch_.front
  bool mirrored_ = false;
  bool upside_down_ = false;
};

}  // namespace ringfeed
