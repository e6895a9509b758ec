// The address of a data set: a path or file:///..., or
// cassandra://[user@]host[:port][,host...]/keyspace/name; with ?split=train&version=3 to choose
// what is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

struct Url {
  std::string scheme = "file";                ///< "file" or "cassandra"
  std::string path = {};                      ///< file: the folder of the data set
  std::optional<std::string> split = {};      ///< ?split=
  std::optional<std::uint64_t> version = {};  ///< ?version=, from 1

  /// cassandra: the contact points, each "host" or "host:port"; IPv6 addresses in brackets.
  std::vector<std::string> hosts = {};
  std::optional<std::string> user = {};
  /// cassandra: 1 to 48 letters, digits and '_'. Case counts, here and in the name: in CQL both are
  /// quoted.
  std::string keyspace = {};
  /// cassandra: a data set or a table, up to 222 letters, digits and '_' (48 in older
  /// servers, which say so themselves). Empty: the keyspace as a whole.
  std::string name = {};

  /// Throws Error{kInvalidArgument} that quotes the text, but for a password in it, and says what
  /// is wrong. A password is always refused; the message names the places it may come from.
  static Url parse(std::string_view text);
  /// The inverse of parse (paths stay plain paths).
  std::string text() const;
};

}  // namespace ringfeed
