// Keyspaces are made on request only.
#include <fmt/format.h>

#include <charconv>
#include <ringfeed/error.hpp>

#include "cql/identifier.hpp"
#include "store/cassandra/store.hpp"

namespace ringfeed::cassandra {
namespace {

constexpr int kFactorMax = 100;

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no replication; the forms are 3 (copies in each data centre), "
                          "dc1:3,dc2:2 and simple:3",
                          text));
}

int factor_of(std::string_view number, std::string_view text) {
  int factor = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), factor);
  if (error != std::errc() || end != number.data() + number.size() || factor < 1 ||
      factor > kFactorMax) {
    refuse(text);
  }
  return factor;
}

}  // namespace

std::string replication_map(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    return fmt::format("{{'class': 'NetworkTopologyStrategy', 'replication_factor': {}}}",
                       factor_of(text, text));
  }
  if (text.starts_with("simple:")) {
    return fmt::format("{{'class': 'SimpleStrategy', 'replication_factor': {}}}",
                       factor_of(text.substr(7), text));
  }
  std::string map = "{'class': 'NetworkTopologyStrategy'";
  std::string_view rest = text;
  while (true) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    const auto colon = item.rfind(':');
    if (colon == std::string_view::npos || colon == 0) refuse(text);
    const auto name = item.substr(0, colon);
    for (const char c : name) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
      if (!plain) refuse(text);
    }
    map += fmt::format(", '{}': {}", name, factor_of(item.substr(colon + 1), text));
    if (comma == std::string_view::npos) return map + "}";
    rest.remove_prefix(comma + 1);
  }
}

void create_keyspace(const Url& url, const ConnectionOptions& options,
                     std::string_view replication) {
  const std::string map = replication_map(replication);
  Url place = url;
  place.split.reset();
  place.version.reset();
  const auto session = cql::Session::open(resolve_connection(url, options), url.keyspace);
  if (Tables(session, place).has_keyspace()) return;  // a user who may make none needs not
  session->execute(fmt::format("CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {}",
                               cql::quote_identifier(url.keyspace), map),
                   {}, {}, place.text());
}

}  // namespace ringfeed::cassandra
