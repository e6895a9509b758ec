// The loops of resizing, compiled for any processor and for those with AVX2: whole numbers, and so
// the same bytes on all of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "image/resize.hpp"

namespace ringfeed {

struct ResizeKernels {
  /// Three bytes a pixel to four.
  void (*widen)(const std::uint8_t* from, std::uint32_t pixels, std::uint8_t* to);
  /// A row of four bytes a pixel to `wanted` pixels of three.
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

static void widen(const std::uint8_t* from, std::uint32_t pixels, std::uint8_t* to) {
  for (std::uint32_t i = 0; i < pixels; ++i, from += 3, to += 4) {
    to[0] = from[0];
    to[1] = from[1];
    to[2] = from[2];
  }
}

static void resize_across(const std::uint8_t* from, const Taps& taps, std::uint32_t wanted,
                          std::uint8_t* to) {
  using Sums = std::int32_t __attribute__((vector_size(16)));
  using Pixel = std::uint8_t __attribute__((vector_size(4)));
  const std::int32_t* weights = taps.weights.data();
  for (std::uint32_t i = 0; i < wanted; ++i, weights += taps.count, to += 3) {
    const std::uint8_t* at = from + std::size_t{4} * taps.first[i];
    constexpr std::int32_t kHalf = 1 << (kResizeBits - 1);
    Sums sums = {kHalf, kHalf, kHalf, kHalf};
    for (std::uint32_t k = 0; k < taps.count; ++k, at += 4) {
      Pixel pixel;
      std::memcpy(&pixel, at, sizeof(pixel));
      sums += __builtin_convertvector(pixel, Sums) * weights[k];
    }
    for (int c = 0; c < 3; ++c) to[c] = rounded(sums[c]);
  }
}

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

static constexpr ResizeKernels kOwnResizeKernels = {widen, resize_across, resize_down};

}  // namespace ringfeed
