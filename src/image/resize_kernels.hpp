// The loops of resizing, compiled for any processor and for those with AVX2: whole numbers, and so
// the same bytes on all of them.
#pragma once

#ifdef __SSE4_1__
#include <immintrin.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "image/resize.hpp"

namespace ringfeed {

struct ResizeKernels {
  /// A row to `wanted` pixels.
  void (*across)(const std::uint8_t* from, const Taps& taps, std::uint32_t wanted,
                 std::uint8_t* to);
  /// Rows that lie `stride` bytes apart, weighted, to one of `bytes`.
  void (*down)(const std::uint8_t* from, std::size_t stride, const std::int32_t* weights,
               std::uint32_t count, std::size_t bytes, std::uint8_t* to);
};

extern const ResizeKernels kResizeKernelsAvx2;

// Static: each of the files that include this has its own, for its kind of processor.

/// Of a weight, behind the point.
static constexpr int kResizeBits = 22;

static std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kResizeBits, 0, 255));
}

#ifdef __SSE4_1__
/// The channels of a pixel, and a fourth lane of anything.
static __m128i lanes_of(std::uint32_t pixel) {
  return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(static_cast<int>(pixel)));
}

static void resize_across(const std::uint8_t* from, const Taps& taps, std::uint32_t wanted,
                          std::uint8_t* to) {
  const std::int32_t* weights = taps.weights.data();
  for (std::uint32_t i = 0; i < wanted; ++i, weights += taps.count, to += 3) {
    const std::uint8_t* at = from + std::size_t{3} * taps.first[i];
    __m128i sums = _mm_set1_epi32(1 << (kResizeBits - 1));
    const std::uint32_t last = taps.used[i] - 1;
    for (std::uint32_t k = 0; k < last; ++k, at += 3) {
      std::uint32_t pixel = 0;
      std::memcpy(&pixel, at, sizeof(pixel));
      sums = _mm_add_epi32(sums, _mm_mullo_epi32(lanes_of(pixel), _mm_set1_epi32(weights[k])));
    }
    // Behind the last pixel of a row there may be nothing.
    const std::uint32_t pixel = at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16;
    sums = _mm_add_epi32(sums, _mm_mullo_epi32(lanes_of(pixel), _mm_set1_epi32(weights[last])));
    sums = _mm_srai_epi32(sums, kResizeBits);
    sums = _mm_packs_epi32(sums, sums);
    const auto made = static_cast<std::uint32_t>(_mm_cvtsi128_si32(_mm_packus_epi16(sums, sums)));
    to[0] = static_cast<std::uint8_t>(made);
    to[1] = static_cast<std::uint8_t>(made >> 8);
    to[2] = static_cast<std::uint8_t>(made >> 16);
  }
}
#else
static void resize_across(const std::uint8_t* from, const Taps& taps, std::uint32_t wanted,
                          std::uint8_t* to) {
  const std::int32_t* weights = taps.weights.data();
  for (std::uint32_t i = 0; i < wanted; ++i, weights += taps.count, to += 3) {
    const std::uint8_t* at = from + std::size_t{3} * taps.first[i];
    std::int32_t sums[3];
    std::fill_n(sums, 3, 1 << (kResizeBits - 1));
    for (std::uint32_t k = 0; k < taps.used[i]; ++k, at += 3) {
      for (int c = 0; c < 3; ++c) sums[c] += at[c] * weights[k];
    }
    for (int c = 0; c < 3; ++c) to[c] = rounded(sums[c]);
  }
}
#endif

static void resize_down(const std::uint8_t* from, std::size_t stride, const std::int32_t* weights,
                        std::uint32_t count, std::size_t bytes, std::uint8_t* to) {
  constexpr std::size_t kPiece = 64;
  for (std::size_t begin = 0; begin < bytes; begin += kPiece) {
    const std::size_t piece = std::min(kPiece, bytes - begin);
    std::int32_t sums[kPiece];
    std::fill_n(sums, kPiece, 1 << (kResizeBits - 1));
    for (std::uint32_t k = 0; k < count; ++k) {
      const std::uint8_t* row = from + k * stride + begin;
      if (piece == kPiece) {
        for (std::size_t i = 0; i < kPiece; ++i) sums[i] += row[i] * weights[k];
      } else {
        for (std::size_t i = 0; i < piece; ++i) sums[i] += row[i] * weights[k];
      }
    }
    for (std::size_t i = 0; i < piece; ++i) to[begin + i] = rounded(sums[i]);
  }
}

static constexpr ResizeKernels kOwnResizeKernels = {resize_across, resize_down};

}  // namespace ringfeed
