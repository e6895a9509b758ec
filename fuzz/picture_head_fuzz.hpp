// What the fuzzer feeds to the reader of heads of pictures, and what must hold of the answer;
// tests/image/corpus_test.cpp replays fuzz/corpus/picture_head through the same function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <span>
#include <stdexcept>
#include <string_view>

namespace ringfeed::fuzz {

/// Returns whether it is a head: then what it says is within the limits.
inline bool fuzz_picture_head(const std::uint8_t* data, std::size_t size) {
  ImageInfo info;
  try {
    info = probe_image(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    const std::string_view words = error.what();
    if (error.code() != ErrorCode::kBadData) throw;
    if (std::ranges::any_of(words, [](unsigned char c) { return c < ' '; }))
      throw std::logic_error("an error is one line");
    return false;
  }
  const std::uint64_t pixels = std::uint64_t{info.width} * info.height;
  if (pixels == 0 || pixels > kPicturePixelsMax) throw std::logic_error("a size is over the limit");
  if (info.orientation < 1 || info.orientation > 8)
    throw std::logic_error("there are 8 orientations");
  return true;
}

}  // namespace ringfeed::fuzz
