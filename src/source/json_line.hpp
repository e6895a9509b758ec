// One line of JSON Lines: the members of its object, as far as columns can be made of them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed {

/// By name, in the order of the line. A list has its elements; an object, and a list within a list,
/// is empty, for no column holds one. A whole number beyond 64 bits is its digits, as binary.
using JsonMembers = std::vector<std::pair<std::string, nlohmann::json>>;

/// Why a line is a bad record.
struct BadLine {
  std::string what;
};

/// The object of a line. Takes time and memory by the length of the text. Throws BadLine: it is no
/// JSON object, is nested too deep, or has a member twice.
JsonMembers members_of(std::string_view text);

}  // namespace ringfeed
