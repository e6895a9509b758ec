// The files of cqlsh: sections of "key = value", as Python's RawConfigParser reads them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ringfeed::cql {

/// Values may be passwords: no message quotes a line.
class IniFile {
 public:
  /// Throws Error{kInvalidArgument} that names `path` and the line. Keys are read in any case of
  /// letters.
  static IniFile parse(std::string_view text, const std::string& path);

  const std::string& path() const noexcept { return path_; }
  /// Nothing when the section or the key is missing, or the value is empty.
  std::optional<std::string> value(const std::string& section, const std::string& key) const;

 private:
  std::string path_;
  std::map<std::string, std::map<std::string, std::string>> sections_;
};

}  // namespace ringfeed::cql
