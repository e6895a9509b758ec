// A picture in a terminal, of characters that are more or less filled.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace ringfeed::cli {

/// Columns of the terminal at standard output; of none, what $COLUMNS says, else 80.
int terminal_width();

/// Of what is finite; where nothing is, `least` is above `most`.
struct ValueRange {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
};

ValueRange range_of(std::span<const double> values);

/// Lines of at most `width` characters, two of them for each pixel: " ░▒▓█" from the least value to
/// the largest, '?' where one is NaN or infinite. What is larger than the width, or than 48 lines,
/// is made smaller by taking means. `values` has height x width of them, row by row, at least one.
std::string drawing_of(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                       int width);

}  // namespace ringfeed::cli
