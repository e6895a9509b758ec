// A TOML file as options: its names are looked at against all commands, its values are those of the
// command that runs.
#include "cli/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#define TOML_ENABLE_FORMATTERS 0  // it is only read
#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <ringfeed/error.hpp>
#include <string>
#include <vector>

#include "base/byte_size.hpp"
#include "base/file.hpp"
#include "base/option_table.hpp"
#include "cli/lists.hpp"
#include "cli/nearest.hpp"

namespace ringfeed::cli {
namespace {

constexpr std::uint64_t kFileBytesMax = 1 << 20;
/// Options that are about one call of the program.
constexpr std::string_view kOfOneCall[] = {"help", "config"};

/// Names of all long options that can stand in a file.
std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      if (std::ranges::find(kOfOneCall, name) == std::end(kOfOneCall)) names.push_back(name);
    }
  }
  return names;
}

/// One file, read for the command `app`.
class ConfigFile {
 public:
  ConfigFile(std::string path, CLI::App& app, std::span<CLI::App* const> commands,
             OptionPlaces& places)
      : path_(std::move(path)), app_(app), commands_(commands), places_(places) {}

  void apply() {
    const toml::table table = parse();
    check_names(table);
    if (const auto* own = table[app_.get_name()].as_table()) {
      check_pairs(*own);
      for (const auto& [name, value] : *own) fill(name.str(), value);
    }
    check_pairs(table);
    for (const auto& [name, value] : table) {
      if (!value.is_table()) fill(name.str(), value);
    }
  }

 private:
  [[noreturn]] void refuse(const toml::source_region& place, std::string_view what) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: {}", path_, place.begin.line, what));
  }

  [[noreturn]] void refuse_file(std::string_view what) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--config '{}': it is {}; name a TOML file", path_, what));
  }

  toml::table parse() const {
    if (path_.empty()) refuse_file("no path");
    std::error_code ignored;
    const auto status = std::filesystem::status(path_, ignored);
    if (std::filesystem::is_directory(status)) refuse_file("a folder");
    if (std::filesystem::is_other(status)) refuse_file("no regular file");
    File file = File::open_to_read(path_);
    if (file.size() > kFileBytesMax) {
      refuse_file(fmt::format("of {}, and a file of options has {} at most",
                              format_bytes(file.size()), format_bytes(kFileBytesMax)));
    }
    const std::string text = file.read_whole(kFileBytesMax);
    try {
      return toml::parse(text);
    } catch (const toml::parse_error& error) {
      refuse(error.source(), fmt::format("it is not TOML: {}", error.description()));
    }
  }

  void check_names(const toml::table& table) const {
    for (const auto& [name, value] : table) {
      const auto* of_command = value.as_table();
      const auto command = std::ranges::find(commands_, name.str(), &CLI::App::get_name);
      if (of_command == nullptr) {
        if (command != commands_.end()) {
          refuse(
              name.source(),
              fmt::format("'{0}' is a command: its options stand in one table, [{0}]", name.str()));
        }
        check_name(name, commands_, "no command has an option");
        continue;
      }
      if (command == commands_.end()) {
        std::vector<std::string> names;
        for (const auto* each : commands_) names.push_back(each->get_name());
        refuse(name.source(), fmt::format("[{}]: there is no such command{}", name.str(),
                                          did_you_mean(name.str(), names)));
      }
      for (const auto& [option, option_value] : *of_command)
        check_name(option, {&*command, 1}, fmt::format("{} has no option", name.str()));
    }
  }

  void check_name(const toml::key& name, std::span<CLI::App* const> commands,
                  std::string_view complaint) const {
    if (name.str().starts_with("pass") && name.str() != "password-file") {
      refuse(name.source(), fmt::format("'{}': a password does not stand in such a file; "
                                        "password-file names the file that has it",
                                        name.str()));
    }
    std::vector<std::string> known;
    for (const auto* command : commands) {
      if (command->get_allow_extras()) return;  // a command that this build does not have
      std::ranges::move(names_of(*command), std::back_inserter(known));
    }
    if (std::ranges::find(known, name.str()) != known.end()) return;
    refuse(name.source(),
           fmt::format("{} '{}'{}", complaint, name.str(), did_you_mean(name.str(), known)));
  }

  /// Of two that exclude each other, one stands in a table.
  void check_pairs(const toml::table& table) const {
    for (const auto& [name, value] : table) {
      const auto* option = app_.get_option_no_throw(fmt::format("--{}", name.str()));
      if (option == nullptr || value.is_table()) continue;
      for (const auto* other : option->get_excludes()) {
        const std::string other_name = other->get_lnames().front();
        if (!table.contains(other_name)) continue;
        refuse(name.source(), fmt::format("{} and {} exclude each other; give one of them",
                                          name.str(), other_name));
      }
    }
  }

  /// Gives the option the value, unless the command line or what was filled in before has the
  /// option, or one that excludes it.
  void fill(std::string_view name, const toml::node& value) {
    auto* const option = app_.get_option_no_throw(fmt::format("--{}", name));
    if (option == nullptr || option->count() > 0) return;
    for (const auto* other : option->get_excludes()) {
      if (other->count() > 0) return;
    }
    const auto* array = value.as_array();
    if (array != nullptr && option->get_items_expected_max() <= 1)
      refuse(value.source(), fmt::format("{} takes one value, not several", name));
    if (array != nullptr && array->empty())
      refuse(value.source(), fmt::format("{} has no value; leave it out", name));
    try {
      if (array == nullptr) {
        add(*option, name, value);
      } else {
        for (const auto& item : *array) add(*option, name, item);
      }
      option->run_callback();
      places_[option] = fmt::format("{}:{}", path_, value.source().begin.line);
    } catch (const CLI::ParseError& error) {
      refuse(value.source(), error.what());
    }
  }

  void add(CLI::Option& option, std::string_view name, const toml::node& value) const {
    const std::string text = text_of(option, name, value);
    try {
      check_places(option, text);
    } catch (const Error& error) {
      refuse(value.source(), error.what());
    }
    option.add_result(text);
  }

  std::string text_of(const CLI::Option& option, std::string_view name,
                      const toml::node& value) const {
    const bool is_flag = option.get_items_expected_max() == 0;
    if (is_flag != value.is_boolean()) {
      refuse(value.source(),
             fmt::format("{} is {}", name,
                         is_flag ? "a switch: true or false" : "no switch: give it a value"));
    }
    if (is_flag) return *value.value<bool>() ? "true" : "false";
    if (const auto* text = value.as_string()) return text->get();
    if (const auto* number = value.as_integer()) return std::to_string(number->get());
    if (const auto* number = value.as_floating_point()) return fmt::format("{:#}", number->get());
    refuse(value.source(),
           fmt::format("{} takes a number or a text (or several, in one array)", name));
  }

  const std::string path_;
  CLI::App& app_;
  std::span<CLI::App* const> commands_;
  OptionPlaces& places_;
};

/// Whether TOML has the text as a number of the same value: it knows no ".5", and no whole number
/// from 2^63.
bool is_plain_number(const CLI::Option& option, const std::string& text) {
  static const std::regex plain(R"(-?(0|[1-9]\d{0,17})(\.\d+)?([eE][+-]?\d+)?)");
  const std::string type = option.get_type_name();
  return (type.starts_with("UINT") || type.starts_with("INT") || type.starts_with("FLOAT")) &&
         std::regex_match(text, plain);
}

/// Whether the default is that of a connection, which a local data set has none of.
bool is_layered(std::string_view name) {
  return std::ranges::any_of(
      kOptionTable, [&](const OptionNames& entry) { return entry.name == name && entry.layered; });
}

/// Whether another was given in its place.
bool is_excluded(const CLI::Option& option) {
  return option.count() == 0 && std::ranges::any_of(option.get_excludes(), [](const auto* other) {
           return other->count() > 0;
         });
}

}  // namespace

void add_config_option(CLI::App& app, std::span<CLI::App* const> commands, OptionPlaces& places) {
  // CLI11 calls this once it has read the whole command line, before it asks what is missing.
  app.add_option_function<std::string>(
      "--config",
      [&app, commands, &places](const std::string& path) {
        ConfigFile(path, app, commands, places).apply();
      },
      "TOML file of options that are not given here (docs/config.md)");
}

std::string config_text(const CLI::App& app) {
  std::string text = fmt::format("[{}]\n", app.get_name());
  for (const auto* option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    const auto& name = option->get_lnames().front();
    if (std::ranges::find(kOfOneCall, name) != std::end(kOfOneCall)) continue;
    auto values = option->results();
    const bool is_flag = option->get_items_expected_max() == 0;
    if (values.empty() && !is_flag && !option->get_default_str().empty() && !is_layered(name))
      values.push_back(option->get_default_str());
    if (values.empty() || is_excluded(*option)) continue;
    for (auto& value : values) {
      if (!is_flag && !is_plain_number(*option, value)) value = nlohmann::json(value).dump();
    }
    text += option->get_items_expected_max() > 1
                ? fmt::format("{} = [{}]\n", name, fmt::join(values, ", "))
                : fmt::format("{} = {}\n", name, values.back());
  }
  return text;
}

}  // namespace ringfeed::cli
