// Names and texts of strangers as a terminal may show them.
#pragma once

#include <string>
#include <string_view>

namespace ringfeed {

/// The text as one line. What a terminal would obey instead of showing it is written as JSON writes
/// it: "\n", "\u001b", "\u009b"; a byte that is no UTF-8 is "\x9b". A line of JSON stays JSON of
/// the same value.
std::string printable(std::string_view text);

/// The same for each line of a text.
std::string printable_lines(std::string_view text);

}  // namespace ringfeed
