// Address of a data set: a path or file:///..., or
// cassandra://[user@]host[:port][,host...]/keyspace/name; with ?split=train&version=3 to choose
// what is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Address, taken apart.
struct Url {
  std::string scheme = "file";                ///< "file" or "cassandra"
  std::string path = {};                      ///< file: the folder of the data set
  std::optional<std::string> split = {};      ///< ?split=
  std::optional<std::uint64_t> version = {};  ///< ?version=, from 1

  /// Contact points of cassandra, each "host" or "host:port"; IPv6 addresses in brackets.
  std::vector<std::string> hosts = {};
  std::optional<std::string> user = {};
  /// Keyspace of cassandra: 1 to 48 letters, digits and '_'. Case counts, here and in the name: in
  /// CQL both are quoted.
  std::string keyspace = {};
  /// Name of a data set or a table in cassandra, up to 222 letters, digits and '_' (48 in older
  /// servers, whose error says it). Empty: the keyspace as a whole.
  std::string name = {};

  /// Parses an address. Throws Error{kInvalidArgument} that quotes the text, but for a password in
  /// it, and says what is wrong. A password is always refused; the message names the places it may
  /// come from.
  static Url parse(std::string_view text);
  /// The inverse of parse (paths stay plain paths).
  std::string text() const;
};

}  // namespace ringfeed
