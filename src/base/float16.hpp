// Half-precision floats, by their bits.
#pragma once

#include <cmath>
#include <cstdint>

namespace ringfeed {

inline double float_of_half(std::uint16_t half) {
  const int sign = half >> 15;
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  double value = 0;
  if (exponent == 31) {
    value = fraction != 0 ? NAN : INFINITY;
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(fraction + 1024, exponent - 25);
  }
  return sign != 0 ? -value : value;
}

}  // namespace ringfeed
