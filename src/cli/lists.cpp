// CLI11 keeps no text of a value that it took apart, so the words are looked at once more.
#include "cli/lists.hpp"

#include <fmt/format.h>

#include <ringfeed/error.hpp>
#include <string>

namespace ringfeed::cli {

void check_places(const CLI::Option& option, std::string_view value) {
  const char comma = option.get_delimiter();
  if (comma == '\0' || value.empty()) return;
  const std::string twice(2, comma);
  if (value.front() != comma && value.back() != comma && value.find(twice) == value.npos) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: '{}' has an empty place; fill it, or leave out the comma",
                          option.get_name(), value));
}

void check_places(const CLI::App& command, std::span<const char* const> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const auto equals = word.find('=');
    const auto* const option = command.get_option_no_throw(std::string(word.substr(0, equals)));
    if (option == nullptr || !word.starts_with('-')) continue;
    if (equals != std::string_view::npos)
      check_places(*option, word.substr(equals + 1));
    else if (i + 1 < words.size())
      check_places(*option, words[i + 1]);
  }
}

}  // namespace ringfeed::cli
