// JSON that others may have written: bounded in depth, and its numbers taken as they are.
#pragma once

#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

/// Deepest nesting of arrays and objects: what walks a document calls itself for each level.
inline constexpr int kJsonDepthMax = 64;

/// Throws std::invalid_argument for text that is nested deeper than kJsonDepthMax, or has a zero
/// byte, which the parser would take for the end.
void check_json_text(std::string_view text);

/// Throws std::exception, which json_fault() puts into words: not JSON, or refused by
/// check_json_text().
template <typename Json = nlohmann::json>
Json parse_json(std::string_view text) {
  check_json_text(text);
  return Json::parse(text.begin(), text.end());
}

/// What is wrong with a document, by what was thrown while it was parsed or its members were taken:
/// without the names that the library has for its errors.
std::string json_fault(const std::exception& error);

/// A whole number of 0 to `max`, where get() would also take -1 and 1.5. Throws
/// std::invalid_argument, which names `what`.
std::uint64_t whole_number(const nlohmann::json& json, std::string_view what,
                           std::uint64_t max = UINT64_MAX);

}  // namespace ringfeed
