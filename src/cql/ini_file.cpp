// Reading cqlshrc and the credentials file.
#include "cql/ini_file.hpp"

#include <fmt/format.h>

#include <ringfeed/error.hpp>

namespace ringfeed::cql {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\f\v";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace

IniFile IniFile::parse(std::string_view text, const std::string& path) {
  IniFile file;
  file.path_ = path;
  std::map<std::string, std::string>* section = nullptr;
  std::string* value = nullptr;
  std::size_t number = 0;
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: line {}: {}; correct the file", path, number, what));
  };
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view content = trim(line);
    if (content.empty() || content[0] == '#' || content[0] == ';') continue;
    if (value != nullptr && (line[0] == ' ' || line[0] == '\t')) {
      *value += '\n';
      *value += content;
      continue;
    }
    if (content[0] == '[') {
      if (content.back() != ']') refuse("a section without its ]");
      section = &file.sections_[std::string(content.substr(1, content.size() - 2))];
      value = nullptr;
      continue;
    }
    const auto separator = content.find_first_of("=:");
    if (separator == std::string_view::npos || separator == 0) {
      refuse("neither a [section] nor KEY = VALUE");
    }
    if (section == nullptr) refuse("a key before the first [section]");
    const auto [place, is_new] = section->try_emplace(lower(trim(content.substr(0, separator))),
                                                      trim(content.substr(separator + 1)));
    if (!is_new) refuse("a key that stands twice in its section");
    value = &place->second;
  }
  return file;
}

std::optional<std::string> IniFile::value(const std::string& section,
                                          const std::string& key) const {
  const auto found = sections_.find(section);
  if (found == sections_.end()) return std::nullopt;
  const auto entry = found->second.find(key);
  if (entry == found->second.end() || entry->second.empty()) return std::nullopt;
  return entry->second;
}

}  // namespace ringfeed::cql
