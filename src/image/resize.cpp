// The triangle filter, as wide as what a pixel of the result covers.
#include "image/resize.hpp"

#include <algorithm>
#include <cmath>

#include "image/resize_kernels.hpp"

namespace ringfeed {
namespace {

/// The weights of pixels `begin` to `begin + wanted` of `from` pixels resized to `to`.
void plan_taps(std::uint32_t from, std::uint32_t to, std::uint32_t begin, std::uint32_t wanted,
               Taps& taps) {
  const double scale = static_cast<double>(from) / to;
  const double support = std::max(scale, 1.0);
  taps.count = static_cast<std::uint32_t>(std::ceil(support)) * 2 + 1;
  taps.first.resize(wanted);
  taps.used.resize(wanted);
  taps.weights.assign(std::size_t{taps.count} * wanted, 0);
  taps.begin = from;
  taps.end = 0;
  std::vector<double> exact(taps.count);
  for (std::uint32_t i = 0; i < wanted; ++i) {
    const double center = (begin + i + 0.5) * scale;
    const auto first = static_cast<std::uint32_t>(std::max(center - support + 0.5, 0.0));
    const auto last =
        std::min(static_cast<std::uint32_t>(std::max(center + support + 0.5, 0.0)), from);
    double sum = 0;
    for (std::uint32_t k = 0; k < last - first; ++k) {
      const double distance = std::abs((k + first - center + 0.5) * (1.0 / support));
      exact[k] = distance < 1 ? 1 - distance : 0;
      sum += exact[k];
    }
    for (std::uint32_t k = 0; k < last - first; ++k) {
      const double weight = sum != 0 ? exact[k] / sum : exact[k];
      taps.weights[std::size_t{i} * taps.count + k] =
          static_cast<std::int32_t>(0.5 + weight * (1 << kResizeBits));
    }
    taps.first[i] = first;
    taps.used[i] = last - first;
    taps.begin = std::min(taps.begin, first);
    taps.end = std::max(taps.end, last);
  }
  for (auto& first : taps.first) first -= taps.begin;
}

/// The loops for this processor.
const ResizeKernels& kernels_here() {
#ifdef RINGFEED_AVX
  if (__builtin_cpu_supports("avx2") > 0) return kResizeKernelsAvx2;
#endif
  return kOwnResizeKernels;
}

}  // namespace

Box Resizer::plan(const Cut& cut) {
  plan_taps(cut.source.width, cut.width, cut.window.left, cut.window.width, across_);
  plan_taps(cut.source.height, cut.height, cut.window.top, cut.window.height, down_);
  return {cut.source.left + across_.begin, cut.source.top + down_.begin,
          across_.end - across_.begin, down_.end - down_.begin};
}

void Resizer::run(const Pixels& from, Pixels& to) {
  const auto wanted = static_cast<std::uint32_t>(across_.first.size());
  const auto rows = static_cast<std::uint32_t>(down_.first.size());
  const ResizeKernels& kernels = kernels_here();
  rows_.make(wanted, from.height);
  for (std::uint32_t y = 0; y < from.height; ++y)
    kernels.across(from.row(y), across_, wanted, rows_.row(y));
  to.make(wanted, rows);
  for (std::uint32_t y = 0; y < rows; ++y) {
    kernels.down(rows_.row(down_.first[y]), rows_.row_bytes(),
                 down_.weights.data() + std::size_t{y} * down_.count, down_.used[y],
                 rows_.row_bytes(), to.row(y));
  }
}

}  // namespace ringfeed
