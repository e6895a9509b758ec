// What is said of a list of text, which a sample cannot hold, whatever it comes from.
#pragma once

#include <string_view>

namespace ringfeed {

inline constexpr std::string_view kTextListRefusal =
    "a list of text cannot be held; make it one text, as JSON does, or numbers, as a tokenizer "
    "does";

}  // namespace ringfeed
