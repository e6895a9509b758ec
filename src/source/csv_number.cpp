// std::from_chars behind a short cut for small whole numbers, which most fields are.
#include "source/csv_number.hpp"

#include <arrow/util/float16.h>
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <ringfeed/error.hpp>

#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

using arrow::util::Float16;

bool is_space(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// from_chars takes no plus sign.
std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  return text;
}

/// Up to six digits and nothing else: exact in every dtype wide enough, float32 included. -1:
/// something else.
int small_whole(std::string_view text) {
  if (text.empty() || text.size() > 6) return -1;
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Whether a decimal number is below 1: tells underflow (which rounds to zero) from overflow.
bool is_below_one(std::string_view text) {
  std::int64_t exponent = 0;
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    const auto digits = without_plus(text.substr(e + 1));
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (parsed.ec != std::errc()) return digits.front() == '-';
    text = text.substr(0, e);
  }
  const auto first = text.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  const auto point = std::min(text.find('.'), text.size());
  // The first digit that counts stands for 10^power.
  const auto power = first < point
                         ? static_cast<std::int64_t>(point - first) - 1
                         : static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  return power + exponent < 0;
}

template <typename Float>
NumberFault parse_float(std::string_view text, Float& value) {
  if (const int small = small_whole(text); small >= 0) {
    value = static_cast<Float>(small);
    return NumberFault::kNone;
  }
  text = without_plus(trimmed(text));
  if (text.empty()) return NumberFault::kEmpty;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (last != end || error == std::errc::invalid_argument) return NumberFault::kNotANumber;
  if (error == std::errc::result_out_of_range) {
    if (!is_below_one(text)) return NumberFault::kOutOfRange;
    value = text.front() == '-' ? -Float{0} : Float{0};
    if constexpr (sizeof(Float) < sizeof(double)) {
      double wide = 0;  // a subnormal may be what from_chars calls out of range
      if (std::from_chars(text.data(), end, wide).ec == std::errc())
        value = static_cast<Float>(wide);
    }
    return NumberFault::kNone;
  }
  return std::isfinite(value) ? NumberFault::kNone : NumberFault::kNotFinite;
}

template <typename Whole>
NumberFault parse_whole(std::string_view text, Whole& value) {
  text = without_plus(trimmed(text));
  if (text.empty()) return NumberFault::kEmpty;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && last == end) return NumberFault::kNone;
  if (error == std::errc::result_out_of_range && last == end) return NumberFault::kOutOfRange;
  // "5.0", "1e3", "-0", "abc": through double, whose whole numbers are exact up to 2^53; a longer
  // one with a point in it is refused, for digits could be lost.
  double wide = 0;
  const auto fault = parse_float(text, wide);
  if (fault != NumberFault::kNone) return fault;
  if (wide != std::trunc(wide)) return NumberFault::kNotWhole;
  constexpr double kExact = 9007199254740992.0;
  if (std::fabs(wide) > kExact || wide < static_cast<double>(std::numeric_limits<Whole>::min()) ||
      wide > static_cast<double>(std::numeric_limits<Whole>::max())) {
    return NumberFault::kOutOfRange;
  }
  value = static_cast<Whole>(wide);
  return NumberFault::kNone;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c =
        text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

template <typename Whole>
NumberFault whole_to(std::string_view text, void* to) {
  Whole value = 0;
  if (const int small = small_whole(text); small >= 0) {
    if (static_cast<std::int64_t>(small) >
        static_cast<std::int64_t>(std::numeric_limits<Whole>::max())) {
      return NumberFault::kOutOfRange;
    }
    value = static_cast<Whole>(small);
  } else if (const auto fault = parse_whole(text, value); fault != NumberFault::kNone) {
    return fault;
  }
  std::memcpy(to, &value, sizeof(value));
  return NumberFault::kNone;
}

template <typename Float>
NumberFault float_to(std::string_view text, void* to) {
  Float value = 0;
  const auto fault = parse_float(text, value);
  std::memcpy(to, &value, sizeof(value));
  return fault;
}

NumberFault exact_float_to(std::string_view text, void* to) {
  double value = 0;
  const auto fault = parse_float(text, value);
  std::memcpy(to, &value, sizeof(value));
  constexpr double kExact = 9007199254740992.0;
  if (fault != NumberFault::kNone || std::fabs(value) < kExact) return fault;
  const auto inner = without_plus(trimmed(text));
  std::int64_t whole = 0;
  const auto [last, error] = std::from_chars(inner.data(), inner.data() + inner.size(), whole);
  if (last != inner.data() + inner.size()) return NumberFault::kNone;  // with a point or exponent
  const bool exact = error == std::errc() && is_exact_float64(whole);
  return exact ? NumberFault::kNone : NumberFault::kNotExact;
}

NumberFault half_to(std::string_view text, void* to) {
  double wide = 0;
  const auto fault = parse_float(text, wide);
  if (fault != NumberFault::kNone && fault != NumberFault::kNotFinite) return fault;
  const auto half = Float16::FromDouble(wide);
  if (half.is_infinity() && std::isfinite(wide)) return NumberFault::kOutOfRange;
  const std::uint16_t bits = half.bits();
  std::memcpy(to, &bits, sizeof(bits));
  return fault;
}

NumberFault bool_to(std::string_view text, void* to) {
  text = trimmed(text);
  if (text.empty()) return NumberFault::kEmpty;
  const bool yes = text == "1" || equals_ignoring_case(text, "true");
  if (!yes && text != "0" && !equals_ignoring_case(text, "false")) return NumberFault::kNotBool;
  *static_cast<std::uint8_t*>(to) = yes ? 1 : 0;
  return NumberFault::kNone;
}

}  // namespace

std::string describe_fault(NumberFault fault, std::string_view column, std::string_view text,
                           DType dtype) {
  const std::string where = fmt::format("column {}: ", in_quotes(column));
  if (fault == NumberFault::kNotFinite && !is_float(dtype))  // which no option admits
    fault = dtype == DType::kBool ? NumberFault::kNotBool : NumberFault::kNotWhole;
  switch (fault) {
    case NumberFault::kNone:
      break;
    case NumberFault::kEmpty:
      return where + fmt::format("the field is empty, a number ({}) is due", name_of(dtype));
    case NumberFault::kNotANumber:
      return where + fmt::format("{} is not a number", in_quotes(text));
    case NumberFault::kNotFinite:
      return where + describe_not_finite(in_quotes(text));
    case NumberFault::kOutOfRange:
      return where + fmt::format("{} is out of the range of {}", in_quotes(text), name_of(dtype));
    case NumberFault::kNotWhole:
      return where +
             fmt::format("{} is not a whole number, as {} needs", in_quotes(text), name_of(dtype));
    case NumberFault::kNotExact:
      return where + fmt::format("{} is a whole number that {} does not hold exactly",
                                 in_quotes(text), name_of(dtype));
    case NumberFault::kNotBool:
      return where + fmt::format("{} is not a bool (0, 1, true, false)", in_quotes(text));
  }
  throw Error(ErrorCode::kInternal, "a number without a fault was called bad");
}

ParseNumber parser_for(DType dtype) {
  switch (dtype) {
    case DType::kUInt8:
      return whole_to<std::uint8_t>;
    case DType::kInt8:
      return whole_to<std::int8_t>;
    case DType::kInt16:
      return whole_to<std::int16_t>;
    case DType::kInt32:
      return whole_to<std::int32_t>;
    case DType::kInt64:
      return whole_to<std::int64_t>;
    case DType::kFloat16:
      return half_to;
    case DType::kFloat32:
      return float_to<float>;
    case DType::kFloat64:
      return float_to<double>;
    case DType::kBool:
      return bool_to;
  }
  throw Error(ErrorCode::kInternal, "unknown dtype");
}

ParseNumber parser_for_inferred(DType dtype) {
  return dtype == DType::kFloat64 ? exact_float_to : parser_for(dtype);
}

NumberFault parse_number(std::string_view text, DType dtype, void* to) {
  return parser_for(dtype)(text, to);
}

std::optional<std::int64_t> whole_number_in(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end) return std::nullopt;
  return number;
}

bool is_exact_float64(std::int64_t whole) noexcept {
  constexpr double kWholeEnd = 9223372036854775808.0;
  const auto wide = static_cast<double>(whole);
  return wide < kWholeEnd && static_cast<std::int64_t>(wide) == whole;
}

TextKind kind_of(std::string_view text) {
  std::int64_t whole = 0;
  if (small_whole(text) >= 0) return TextKind::kWhole;
  const auto inner = without_plus(trimmed(text));
  if (inner.empty()) return TextKind::kEmpty;
  const char* const end = inner.data() + inner.size();
  const auto parsed = std::from_chars(inner.data(), end, whole);
  if (parsed.ec != std::errc::invalid_argument && parsed.ptr == end) return TextKind::kWhole;
  double number = 0;
  const auto fault = parse_float(inner, number);
  return fault == NumberFault::kNotANumber ? TextKind::kText : TextKind::kNumber;
}

}  // namespace ringfeed
