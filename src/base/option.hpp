// What an option is called, for messages: as the side that the caller uses has it. And its bounds.
#pragma once

#include <fmt/format.h>

#include <ringfeed/face.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/option_table.hpp"

namespace ringfeed {

/// An option of options.toml, by its name there: "chunk-bytes". Another name does not compile.
class Option {
 public:
  consteval Option(const char* name) : names_(&find(name)) {}  // NOLINT: a name is an option
  constexpr const OptionNames& names() const { return *names_; }

 private:
  static consteval const OptionNames& find(std::string_view name) {
    for (const auto& names : kOptionTable) {
      if (names.name == name) return names;
    }
    throw "options.toml has no such option";
  }

  const OptionNames* names_;
};

/// "--chunk-bytes", "chunk_bytes", "IngestOptions::chunk_bytes"; of a flag in Python
/// "append=True".
std::string option_name(Option option);

/// With a value: "--on-bad skip", "on_bad='skip'", "SourceOptions::on_bad = skip".
std::string option_name(Option option, std::string_view value);

/// With the command or function it is of: "'ringfeed verify --repair'", "verify(repair=True)",
/// "Loader(ledger=)", "VerifyOptions::repair".
std::string option_call(Option option);

/// A command, as the side that the caller uses has it: "'ringfeed copy'", "copy()"; "ingest" is
/// "write()" in Python.
std::string command_name(std::string_view command);

/// Throws Error{kInvalidArgument} where a name that was given to an option stands twice.
void check_each_once(Option option, const std::vector<std::string>& names);

/// The largest value that an option may have.
template <typename Number>
consteval Number most_of(Option option) {
  return static_cast<Number>(option.names().most);
}

/// Throws Error{kInvalidArgument} that names option, value and bounds.
[[noreturn]] void refuse_value(Option option, std::string_view value);

/// Holds a value against the bounds of its option, in the unit of that; NaN is beyond all. Throws
/// Error{kInvalidArgument} that names option, value and bounds.
template <typename Number>
void check_bounds(Option option, Number value) {
  const auto number = static_cast<double>(value);
  if (!(number >= option.names().least && number <= option.names().most))
    refuse_value(option, fmt::to_string(value));
}

/// What ends an error for want of a password, or one that stood where others see it.
std::string ways_to_give_password();

}  // namespace ringfeed
