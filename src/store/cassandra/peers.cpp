// Each connected node is asked: the driver reads the table of one alone, and does not say of which.
#include "store/cassandra/peers.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ringfeed/error.hpp>
#include <set>
#include <string_view>

#include "store/cassandra/tables.hpp"

namespace ringfeed::cassandra {
namespace {

/// A value of the type inet.
std::string address_of(std::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  if (bytes.size() == 4 || bytes.size() == 16)
    ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

bool is_id_of(const cql::Host& host, std::string_view id) {
  return id.size() == host.id.size() && std::memcmp(id.data(), host.id.data(), id.size()) == 0;
}

}  // namespace

std::vector<std::string> unknown_peers(const cql::Session& session) {
  std::set<std::string> unknown;
  try {
    const auto select = session.prepare("SELECT peer, host_id FROM system.peers", "");
    const auto hosts = session.hosts();
    for (const auto& asked : hosts) {
      if (!asked.connected) continue;
      cql::Request request = system_read(session);
      request.host = asked.id;
      const auto answer = session.ask(select, {}, request);
      if (answer.failure) continue;
      for (std::size_t i = 0; i < answer.rows.size(); ++i) {
        const auto id = answer.rows.cell(i, 1).value_or("");
        if (std::ranges::none_of(hosts, [&](const auto& host) { return is_id_of(host, id); }))
          unknown.insert(address_of(answer.rows.cell(i, 0).value_or("")));
      }
    }
  } catch (const Error&) {
    return {};  // a role that may not read the table
  }
  return {unknown.begin(), unknown.end()};
}

std::string remedy_of_peer(const std::string& address) {
  return fmt::format(
      "if it is up, restart it, so that the others learn its rpc_address; if it has left the "
      "cluster: DELETE FROM system.peers WHERE peer = '{}' on each node",
      address);
}

std::vector<std::string> unverified_peers(const cql::Session& session, std::string_view where) {
  std::vector<std::string> lines;
  for (const auto& address : unknown_peers(session)) {
    lines.push_back(fmt::format(
        "{}: node {} is in system.peers without its address, so its copies are not looked at; {}",
        where, address, remedy_of_peer(address)));
  }
  return lines;
}

}  // namespace ringfeed::cassandra
