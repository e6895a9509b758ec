// The depth is counted before anything is parsed: to count it on the way takes twice as long.
#include "base/json.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace ringfeed {
namespace {

/// True when brackets are nested deeper than kJsonDepthMax. Of what is no JSON it may say anything.
bool is_too_deep(std::string_view text) noexcept {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kJsonDepthMax) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace

void check_json_text(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    throw std::invalid_argument("there is a zero byte in it");
  if (is_too_deep(text))
    throw std::invalid_argument(fmt::format("it is nested more than {} deep", kJsonDepthMax));
}

std::string json_fault(const std::exception& error) {
  if (const auto* const parsing = dynamic_cast<const nlohmann::json::parse_error*>(&error))
    return fmt::format("it is no JSON from byte {} on", parsing->byte);
  const std::string_view text = error.what();
  const auto id = text.starts_with('[') ? text.find("] ") : std::string_view::npos;
  return std::string(id == std::string_view::npos ? text : text.substr(id + 2));
}

std::uint64_t whole_number(const nlohmann::json& json, std::string_view what, std::uint64_t max) {
  const bool fits = json.is_number_unsigned() && json.get<std::uint64_t>() <= max;
  if (fits) return json.get<std::uint64_t>();
  throw std::invalid_argument(
      fmt::format("{} must be a whole number of 0 to {}, not {}", what, max, json.dump()));
}

}  // namespace ringfeed
