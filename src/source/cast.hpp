// Numbers from one dtype to another, refusing what would lose a value: out of range, a fraction
// where whole numbers are due, NaN and infinity unless they are allowed. Rounding to a narrower
// float (or from whole numbers to a float) is no loss.
#pragma once

#include <cstdint>
#include <functional>
#include <ringfeed/schema.hpp>
#include <string>

namespace ringfeed {

/// Elements in memory. A bool is one bit here, counted from `first`.
struct Elements {
  DType dtype = DType::kFloat32;
  const std::uint8_t* data = nullptr;
  std::int64_t first = 0;  ///< element number of the first in `data`
  std::int64_t count = 0;
};

/// The element, and what is wrong with it: "300 is out of the range of uint8".
using OnBadElement = std::function<void(std::int64_t element, std::string what)>;

/// One element of an integer dtype.
std::int64_t whole_at(const Elements& elements, std::int64_t element);

/// Calls `on_bad` for each element that is NaN or infinite, in order. The others cost one pass over
/// memory.
void check_finite(const Elements& elements, const OnBadElement& on_bad);

/// Element r * columns + c goes to place r * stride + c of `to`, which has size_of(dtype) bytes per
/// element (bool: one). What a bad element leaves there is not said. `allow_nan`: a float may be
/// NaN or infinite.
void cast_elements(const Elements& from, std::int64_t columns, DType dtype, std::uint8_t* to,
                   std::int64_t stride, const OnBadElement& on_bad, bool allow_nan = false);

}  // namespace ringfeed
