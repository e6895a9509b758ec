// A transformation of the text, before CLI11 converts it.
#include "cli/numbers.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace ringfeed::cli {
namespace {

/// Replaces the text by the number without zeros in front. Returns what is wrong with it; empty:
/// nothing.
template <typename Whole>
std::string make_decimal(std::string& text) {
  Whole number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || last != end) {
    return fmt::format("'{}' is not a whole number from {} to {}", text,
                       std::numeric_limits<Whole>::min(), std::numeric_limits<Whole>::max());
  }
  text = std::to_string(number);
  return {};
}

}  // namespace

void take_decimal_numbers(CLI::App& app) {
  for (auto* const option : app.get_options()) {
    // CLI11's word for the type, and behind it the range where there is one.
    const std::string type = option->get_type_name();
    if (type.starts_with("UINT"))
      option->transform(CLI::Validator(make_decimal<std::uint64_t>, ""));
    else if (type.starts_with("INT"))
      option->transform(CLI::Validator(make_decimal<std::int64_t>, ""));
  }
}

}  // namespace ringfeed::cli
