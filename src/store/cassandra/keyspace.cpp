// Keyspaces are made on request only.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ringfeed/error.hpp>
#include <utility>
#include <vector>

#include "cql/identifier.hpp"
#include "store/cassandra/store.hpp"
#include "store/cassandra/tables.hpp"

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

/// What is asked for.
struct Asked {
  std::string strategy;
  /// Of each data centre; with an empty name: of each, or wherever the copies are.
  std::vector<std::pair<std::string, int>> copies;
};

Asked parse(std::string_view text) {
  constexpr auto kByCentre = "NetworkTopologyStrategy";
  if (text.find(':') == std::string_view::npos) return {kByCentre, {{"", factor_of(text, text)}}};
  if (text.starts_with("simple:"))
    return {"SimpleStrategy", {{"", factor_of(text.substr(7), text)}}};
  Asked asked{kByCentre, {}};
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
    asked.copies.emplace_back(name, factor_of(item.substr(colon + 1), text));
    if (comma == std::string_view::npos) return asked;
    rest.remove_prefix(comma + 1);
  }
}

/// The server has a number for each data centre where one was given for all.
bool is_as_asked(const Replication& there, const Asked& asked) {
  std::vector<std::pair<std::string, int>> copies;
  for (const auto& [key, value] : there.options) {
    if (key == "class") {
      if (value != asked.strategy) return false;
      continue;
    }
    int factor = 0;
    const char* const end = value.data() + value.size();
    if (std::from_chars(value.data(), end, factor).ptr != end) return false;  // "3/1"
    copies.emplace_back(key == "replication_factor" ? "" : key, factor);
  }
  if (!asked.copies.front().first.empty()) return std::ranges::is_permutation(copies, asked.copies);
  return std::ranges::all_of(
      copies, [&](const auto& each) { return each.second == asked.copies.front().second; });
}

}  // namespace

std::string replication_map(std::string_view text) {
  const Asked asked = parse(text);
  std::string map = fmt::format("{{'class': '{}'", asked.strategy);
  for (const auto& [name, copies] : asked.copies)
    map += fmt::format(", '{}': {}", name.empty() ? "replication_factor" : name, copies);
  return map + "}";
}

void create_keyspace(const Url& url, const ConnectionOptions& options,
                     std::string_view replication) {
  const std::string map = replication_map(replication);
  Url place = url;
  place.split.reset();
  place.version.reset();
  const auto session = cql::Session::open(resolve_connection(url, options), url.keyspace);
  const std::string name = cql::quote_identifier(url.keyspace);
  const Tables tables(session, place);
  if (!tables.has_keyspace()) {
    session->execute(
        fmt::format("CREATE KEYSPACE IF NOT EXISTS {} WITH replication = {}", name, map), {}, {},
        place.text());
    return;
  }
  // A user who may make none needs not.
  const Replication there = tables.replication();
  if (there.options.empty() || is_as_asked(there, parse(replication)) || !options.warn) return;
  options.warn(fmt::format(
      "{}: keyspace {} was there with replication {}, and keeps it; for the one asked for: ALTER "
      "KEYSPACE {} WITH replication = {}; then nodetool repair --full on each node",
      place.text(), name, there.text(), name, map));
}

}  // namespace ringfeed::cassandra
