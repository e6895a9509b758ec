// What was probably meant by a word that is none of those there are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ringfeed::cli {

/// "; did you mean 'ingest'?", or nothing when no name is like the word. Dashes do not count.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& names);

}  // namespace ringfeed::cli
