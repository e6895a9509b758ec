// Pixels are boxes of the picture, whose means are drawn.
#include "cli/drawing.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace ringfeed::cli {
namespace {

constexpr int kWidthDefault = 80;
constexpr int kWidthMax = 1000;
constexpr std::int64_t kLinesMax = 48;
constexpr int kCharactersOfPixel = 2;  // which makes it about a square
constexpr std::array<const char*, 5> kShades = {"  ", "░░", "▒▒", "▓▓", "██"};

const char* shade_of(double value, const ValueRange& range) {
  if (!std::isfinite(value)) return "??";
  // Halves, as the difference of two large numbers is no number.
  const double span = range.most / 2 - range.least / 2;
  const double share = span > 0 ? (value / 2 - range.least / 2) / span : value == 0 ? 0 : 1;
  const auto step = static_cast<std::size_t>(share * static_cast<double>(kShades.size()));
  return kShades[std::min(step, kShades.size() - 1)];
}

}  // namespace

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return std::min<int>(size.ws_col, kWidthMax);
  int width = 0;
  if (const char* const text = std::getenv("COLUMNS"))
    std::from_chars(text, text + std::strlen(text), width);
  return width > 0 ? std::min(width, kWidthMax) : kWidthDefault;
}

ValueRange range_of(std::span<const double> values) {
  ValueRange range;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.least = std::min(range.least, value);
    range.most = std::max(range.most, value);
  }
  return range;
}

std::string drawing_of(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                       int width) {
  const double columns_max = std::max(1, width / kCharactersOfPixel);
  const double scale = std::max({1.0, static_cast<double>(columns) / columns_max,
                                 static_cast<double>(rows) / static_cast<double>(kLinesMax)});
  const auto scaled = [scale](std::int64_t size) {
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::floor(static_cast<double>(size) / scale + 1e-9)));
  };
  const std::int64_t lines = scaled(rows);
  const std::int64_t pixels = scaled(columns);
  std::vector<double> means;
  for (std::int64_t y = 0; y < lines; ++y) {
    for (std::int64_t x = 0; x < pixels; ++x) {
      double sum = 0;
      std::int64_t count = 0;
      for (std::int64_t row = y * rows / lines; row < (y + 1) * rows / lines; ++row) {
        for (std::int64_t at = x * columns / pixels; at < (x + 1) * columns / pixels; ++at, ++count)
          sum += values[static_cast<std::size_t>(row * columns + at)];
      }
      means.push_back(sum / static_cast<double>(count));
    }
  }
  const ValueRange range = range_of(means);
  std::string text;
  for (std::int64_t y = 0; y < lines; ++y) {
    for (std::int64_t x = 0; x < pixels; ++x)
      text += shade_of(means[static_cast<std::size_t>(y * pixels + x)], range);
    text += '\n';
  }
  return text;
}

}  // namespace ringfeed::cli
