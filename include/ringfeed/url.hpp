// The address of a data set: a path or file:///..., later cassandra://host/keyspace/name; with
// ?split=train&version=3 to choose what is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ringfeed {

struct Url {
  std::string scheme = "file";
  std::string path;                      ///< file: the folder of the data set
  std::optional<std::string> split;      ///< ?split=
  std::optional<std::uint64_t> version;  ///< ?version=, from 1

  /// Throws Error{kInvalidArgument} that quotes the text and says what is wrong with it.
  static Url parse(std::string_view text);
  /// The inverse of parse (paths stay plain paths).
  std::string text() const;
};

}  // namespace ringfeed
