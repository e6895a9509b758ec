// What CLI11 calls transformations and validators of the text, before it converts it.
#include "cli/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>

#include "base/byte_size.hpp"
#include "base/option_table.hpp"

namespace ringfeed::cli {
namespace {

/// Of an option in options.toml; null where it has none.
const OptionNames* entry_of(const CLI::Option& option) {
  const auto* const found = std::ranges::find_if(kOptionTable, [&](const OptionNames& entry) {
    return option.check_lname(std::string(entry.name));
  });
  return found == std::end(kOptionTable) ? nullptr : found;
}

/// Replaces the text by the number without zeros in front, or says what is wrong with it.
template <typename Whole>
CLI::Validator decimal(const CLI::Option& option) {
  const auto* const entry = entry_of(option);
  std::string bounds;
  if (entry != nullptr && !entry->bounds.empty()) bounds = fmt::format(", {}", entry->bounds);
  const auto make = [bounds](std::string& text) -> std::string {
    Whole number = 0;
    const char* const end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || last != end)
      return fmt::format("'{}' is not a whole number{}", text, bounds);
    text = std::to_string(number);
    return {};
  };
  return {make, ""};
}

double value_of(const std::string& text, bool is_size) {
  if (is_size) return static_cast<double>(parse_bytes(text));
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);  // else CLI11 complains
  return value;
}

CLI::Validator within(const OptionNames& names, bool is_size) {
  const auto complaint = [&names, is_size](const std::string& text) -> std::string {
    try {
      const double value = value_of(text, is_size);
      if (value >= names.least && value <= names.most) return {};
    } catch (const Error& error) {
      return error.what();
    }
    return fmt::format("'{}' is out of its bounds, {}", text, names.bounds);
  };
  return {complaint, fmt::format("[{}]", names.bounds), ""};
}

}  // namespace

void take_decimal_numbers(CLI::App& app) {
  for (auto* const option : app.get_options()) {
    // CLI11's word for the type, and behind it the range where there is one.
    const std::string type = option->get_type_name();
    if (type.starts_with("UINT"))
      option->transform(decimal<std::uint64_t>(*option));
    else if (type.starts_with("INT"))
      option->transform(decimal<std::int64_t>(*option));
  }
}

void follow_table(CLI::App& app) {
  for (auto* const option : app.get_options()) {
    const auto* const names = entry_of(*option);
    if (names == nullptr) continue;
    if (names->layered)
      option->default_str(std::string(names->initial));
    else if (!names->initial.empty())
      option->default_val(std::string(names->initial));
    if (!names->bounds.empty())
      option->check(within(*names, option->get_type_name().starts_with("TEXT")));
  }
}

}  // namespace ringfeed::cli
