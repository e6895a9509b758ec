// Every value goes through int64 or double, which hold all others exactly: nine ways in, nine ways
// out for each.
#include "source/cast.hpp"

#include <arrow/util/bit_util.h>
#include <arrow/util/float16.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <ringfeed/error.hpp>
#include <type_traits>

#include "dataset/finite.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

using arrow::util::Float16;

/// A bit pattern of its own, so that templates tell it from uint16.
struct Half {
  std::uint16_t bits;
};

/// Calls `with` with a value of the type that holds the dtype in memory (a bool as bool).
template <typename With>
void with_type(DType dtype, With&& with) {
  switch (dtype) {
    case DType::kUInt8:
      return with(std::uint8_t{});
    case DType::kInt8:
      return with(std::int8_t{});
    case DType::kInt16:
      return with(std::int16_t{});
    case DType::kInt32:
      return with(std::int32_t{});
    case DType::kInt64:
      return with(std::int64_t{});
    case DType::kFloat16:
      return with(Half{});
    case DType::kFloat32:
      return with(float{});
    case DType::kFloat64:
      return with(double{});
    case DType::kBool:
      return with(bool{});
  }
  throw Error(ErrorCode::kInternal, "unknown dtype");
}

template <typename From>
auto load(const std::uint8_t* data, std::int64_t i) {
  if constexpr (std::is_same_v<From, bool>) {
    return std::int64_t{arrow::bit_util::GetBit(data, i)};
  } else {
    From value;
    std::memcpy(&value, data + static_cast<std::size_t>(i) * sizeof(From), sizeof(From));
    if constexpr (std::is_same_v<From, Half>) {
      return Float16::FromBits(value.bits).ToDouble();
    } else if constexpr (std::is_floating_point_v<From>) {
      return double{value};
    } else {
      return std::int64_t{value};
    }
  }
}

enum class Loss : std::uint8_t { kNone, kRange, kFraction, kNotFinite, kNotBool };

template <typename To>
Loss narrow(std::int64_t value, To& to) {
  if constexpr (std::is_same_v<To, bool>) {
    if (value != 0 && value != 1) return Loss::kNotBool;
    to = value == 1;
  } else if constexpr (std::is_same_v<To, Half>) {
    const auto half = Float16::FromDouble(static_cast<double>(value));
    if (half.is_infinity()) return Loss::kRange;
    to.bits = half.bits();
  } else if constexpr (std::is_floating_point_v<To>) {
    to = static_cast<To>(value);
  } else {
    if (value < std::int64_t{std::numeric_limits<To>::min()} ||
        value > std::int64_t{std::numeric_limits<To>::max()}) {
      return Loss::kRange;
    }
    to = static_cast<To>(value);
  }
  return Loss::kNone;
}

template <typename To>
Loss narrow(double value, To& to) {
  if (!std::isfinite(value)) return Loss::kNotFinite;
  if constexpr (std::is_same_v<To, bool>) {
    if (value != 0 && value != 1) return Loss::kNotBool;
    to = value == 1;
  } else if constexpr (std::is_same_v<To, Half>) {
    const auto half = Float16::FromDouble(value);
    if (half.is_infinity()) return Loss::kRange;
    to.bits = half.bits();
  } else if constexpr (std::is_same_v<To, float>) {
    // The largest double that still rounds to a finite float is half a step above the largest
    // float.
    constexpr double kEnd = 3.4028235677973366e38;
    if (std::fabs(value) >= kEnd) return Loss::kRange;
    to = static_cast<float>(value);
  } else if constexpr (std::is_same_v<To, double>) {
    to = value;
  } else {
    if (value != std::trunc(value)) return Loss::kFraction;
    constexpr double kMin = static_cast<double>(std::numeric_limits<To>::min());
    constexpr double kEnd =
        -2 * static_cast<double>(std::numeric_limits<std::make_signed_t<To>>::min()) /
        (std::is_signed_v<To> ? 2 : 1);
    if (value < kMin || value >= kEnd) return Loss::kRange;
    to = static_cast<To>(value);
  }
  return Loss::kNone;
}

template <typename To>
constexpr bool kIsFloat = std::is_floating_point_v<To> || std::is_same_v<To, Half>;

/// NaN or infinity as the same of another float.
template <typename Wide, typename To>
Loss not_finite(Wide value, To& to) {
  if constexpr (std::is_same_v<To, Half>) {
    to.bits = Float16::FromDouble(static_cast<double>(value)).bits();
  } else {
    to = static_cast<To>(value);
  }
  return Loss::kNone;
}

template <typename Wide>
std::string describe(Loss loss, Wide value, DType dtype) {
  if (loss == Loss::kNotFinite && !is_float(dtype))  // which no option admits
    loss = dtype == DType::kBool ? Loss::kNotBool : Loss::kFraction;
  switch (loss) {
    case Loss::kRange:
      return fmt::format("{} is out of the range of {}", value, name_of(dtype));
    case Loss::kFraction:
      return fmt::format("{} is not a whole number, as {} needs", value, name_of(dtype));
    case Loss::kNotFinite:
      return describe_not_finite(fmt::to_string(value));
    case Loss::kNotBool:
      return fmt::format("{} is not a bool (0 or 1)", value);
    case Loss::kNone:
      break;
  }
  throw Error(ErrorCode::kInternal, "a number without a fault was called bad");
}

template <typename From, typename To>
void cast(const Elements& from, std::int64_t columns, DType dtype, std::uint8_t* to,
          std::int64_t stride, const OnBadElement& on_bad, bool allow_nan) {
  constexpr std::size_t kToBytes = sizeof(To);
  for (std::int64_t row = 0; row * columns < from.count; ++row) {
    std::uint8_t* const place = to + static_cast<std::size_t>(row * stride) * kToBytes;
    for (std::int64_t column = 0; column < columns; ++column) {
      const auto element = row * columns + column;
      const auto wide = load<From>(from.data, from.first + element);
      To value{};
      Loss loss = narrow(wide, value);
      if constexpr (kIsFloat<To>) {
        if (loss == Loss::kNotFinite && allow_nan) loss = not_finite(wide, value);
      }
      if (loss != Loss::kNone) [[unlikely]]
        on_bad(element, describe(loss, wide, dtype));
      std::memcpy(place + static_cast<std::size_t>(column) * kToBytes, &value, kToBytes);
    }
  }
}

}  // namespace

std::int64_t whole_at(const Elements& elements, std::int64_t element) {
  std::int64_t value = 0;
  with_type(elements.dtype, [&](auto type) {
    value =
        static_cast<std::int64_t>(load<decltype(type)>(elements.data, elements.first + element));
  });
  return value;
}

void check_finite(const Elements& elements, const OnBadElement& on_bad) {
  const auto end = static_cast<std::size_t>(elements.first + elements.count);
  auto at = static_cast<std::size_t>(elements.first);
  while ((at = find_not_finite(elements.dtype, false, elements.data, at, end)) < end) {
    double value = 0;
    with_type(elements.dtype, [&](auto type) {
      value =
          static_cast<double>(load<decltype(type)>(elements.data, static_cast<std::int64_t>(at)));
    });
    on_bad(static_cast<std::int64_t>(at) - elements.first,
           describe(Loss::kNotFinite, value, elements.dtype));
    ++at;
  }
}

void cast_elements(const Elements& from, std::int64_t columns, DType dtype, std::uint8_t* to,
                   std::int64_t stride, const OnBadElement& on_bad, bool allow_nan) {
  with_type(from.dtype, [&](auto from_type) {
    with_type(dtype, [&](auto to_type) {
      cast<decltype(from_type), decltype(to_type)>(from, columns, dtype, to, stride, on_bad,
                                                   allow_nan);
    });
  });
}

}  // namespace ringfeed
