// Text to numbers, exactly: the nearest value of the dtype, or what is wrong with the text. Locale
// has no say.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

enum class NumberFault : std::uint8_t {
  kNone,
  kEmpty,
  kNotANumber,
  kNotFinite,  ///< NaN or infinity, spelt out: for a float the value is written all the same
  kOutOfRange,
  kNotWhole,  ///< a fraction where the dtype has whole numbers only
  kNotBool,
  kNotExact,  ///< a whole number that would be rounded
};

/// "column 'x': '300' is out of the range of uint8".
std::string describe_fault(NumberFault fault, std::string_view column, std::string_view text,
                           DType dtype);

/// Writes one value of `dtype` to `to` (a bool is one byte, 0 or 1). Spaces around the number are
/// no part of it; whole numbers may be written as "5.0" or "5e3"; bools are 0, 1, true, false in
/// any case.
NumberFault parse_number(std::string_view text, DType dtype, void* to);

/// The same for one dtype, chosen once: the loop over fields costs no switch.
using ParseNumber = NumberFault (*)(std::string_view text, void* to);
ParseNumber parser_for(DType dtype);

/// For a column that nobody gave a dtype: nothing said that its whole numbers may be rounded, so
/// one that float64 does not hold exactly, or that is beyond int64, is kNotExact.
ParseNumber parser_for_inferred(DType dtype);

/// Returns a whole number that is written as one, and nothing else: without spaces, "5.0" or "+5".
std::optional<std::int64_t> whole_number_in(std::string_view text);

/// Whether the whole number is what it becomes as float64.
bool is_exact_float64(std::int64_t whole) noexcept;

/// What a field could be. Each kind is wider than the one before.
enum class TextKind : std::uint8_t {
  kEmpty,
  kWhole,   ///< a whole number; one beyond int64 is found as a bad number later
  kNumber,  ///< any other number; also NaN and infinity, so that they are found as bad numbers
            ///< later
  kText,
};
TextKind kind_of(std::string_view text);

}  // namespace ringfeed
