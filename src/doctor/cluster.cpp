// Each node is asked by itself: what it is, how far away, and what its clock says.
#include "doctor/cluster.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <map>
#include <ringfeed/error.hpp>
#include <utility>

#include "cql/identifier.hpp"
#include "doctor/certificate.hpp"
#include "store/cassandra/open.hpp"
#include "store/cassandra/peers.hpp"
#include "store/cassandra/tables.hpp"

namespace ringfeed::doctor {
namespace {

using cassandra::Tables;

constexpr int kRoundTrips = 5;

/// Seconds since 1970 of a version 1 UUID: steps of 100 ns since 1582-10-15 (RFC 9562, 5.1).
double seconds_of(std::string_view uuid) {
  const auto low = static_cast<std::uint32_t>(cql::read_big_endian<std::int32_t>(uuid.data()));
  const auto mid = static_cast<std::uint16_t>(cql::read_big_endian<std::int16_t>(uuid.data() + 4));
  const auto high = static_cast<std::uint16_t>(cql::read_big_endian<std::int16_t>(uuid.data() + 6));
  const std::uint64_t steps = (std::uint64_t{high} & 0x0FFF) << 48 | std::uint64_t{mid} << 32 | low;
  constexpr std::uint64_t kStepsTo1970 = 0x01B2'1DD2'1381'4000;
  return (static_cast<double>(steps) - static_cast<double>(kStepsTo1970)) * 1e-7;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// The answer of some node, or of this one alone; nothing when it gives none.
std::optional<cql::Rows> ask(const cql::Session& session, const std::string& cql,
                             const cql::Values& values = {}, std::optional<cql::HostId> host = {}) {
  try {
    auto answer = session.ask(session.prepare(cql, ""), values,
                              {.consistency = Consistency::kLocalOne, .host = host});
    if (answer.failure) return std::nullopt;
    return std::move(answer.rows);
  } catch (const Error&) {
    return std::nullopt;
  }
}

/// How far away a node is, and its clock by the quickest of several answers.
void measure(const cql::Session& session, const cql::Statement& now, const cql::HostId& host,
             NodeFacts& node) {
  const cql::Request request = {.consistency = Consistency::kLocalOne, .host = host};
  std::vector<std::pair<double, double>> trips;  // seconds, clock
  for (int i = 0; i <= kRoundTrips; ++i) {
    const double begin = now_seconds();
    const auto answer = session.ask(now, {}, request);
    const double end = now_seconds();
    const bool is_uuid = !answer.failure && answer.rows.size() == 1 &&
                         answer.rows.cell(0, 0).value_or("").size() == 16;
    if (!is_uuid) return;
    if (i == 0) continue;  // the first one may prepare the statement there
    trips.emplace_back(end - begin, seconds_of(*answer.rows.cell(0, 0)) - (begin + end) / 2);
  }
  std::ranges::sort(trips);
  node.round_trip_seconds = trips[trips.size() / 2].first;
  node.clock_seconds = trips.front().second;
}

std::vector<std::pair<std::string, int>> copies_of(const cassandra::Replication& replication) {
  std::vector<std::pair<std::string, int>> copies;
  for (const auto& [key, value] : replication.options) {
    int factor = 0;
    if (key == "class" ||
        std::from_chars(value.data(), value.data() + value.size(), factor).ec != std::errc())
      continue;
    copies.emplace_back(key == "replication_factor" ? "" : key, factor);
  }
  return copies;
}

std::vector<Need> needs_of(bool is_row_table, const std::string& name, bool is_there,
                           Purpose purpose) {
  const bool writes = purpose == Purpose::kIngest;
  std::vector<std::string> tables = {name};
  if (!is_row_table) tables = {"ringfeed_datasets", "ringfeed_manifests", name + "_chunks"};
  std::vector<Need> needs;
  if (writes && !is_there) needs.push_back({"CREATE", ""});
  for (const auto& table : tables) {
    needs.push_back({"SELECT", table});
    if (writes) needs.push_back({"MODIFY", table});
  }
  return needs;
}

}  // namespace

Examination::Examination(const Url& url, const ConnectionOptions& options) : url_(url) {
  facts_.keyspace = url.keyspace;
  const Connection connection = resolve_connection(url, options);
  facts_.local_datacenter = connection.local_datacenter;
  facts_.read = connection.read_consistency;
  facts_.write = connection.write_consistency;
  facts_.connections_per_host = connection.connections_per_host;
  facts_.tls = connection.tls;
  facts_.tls_insecure = connection.tls_insecure;
  for (const auto& path : {connection.tls_ca, connection.tls_cert}) {
    if (!path.empty()) facts_.certificates.push_back({path, expiry_of_file(path)});
  }
  facts_.role.name = connection.user.value_or("");
  try {
    session_ = cassandra::open_session(url, options);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kCancelled) throw;
    facts_.trouble = error.what();
    facts_.is_reached = !error.retryable();
    return;
  }
  look_at_nodes();
  look_at_keyspace();
  for (const auto& certificate : session_->certificates())
    facts_.certificates.push_back({"of " + certificate.server, expiry_of(certificate.der)});
}

void Examination::look_at_nodes() {
  std::map<std::string, std::pair<std::string, std::string>> known;  // data centre and version
  for (const std::string table : {"system.local", "system.peers"}) {
    const auto rows = ask(*session_, "SELECT host_id, data_center, release_version FROM " + table);
    for (std::size_t i = 0; rows && i < rows->size(); ++i)
      known[rows->text(i, 0)] = {rows->text(i, 1), rows->text(i, 2)};
  }
  std::optional<cql::Statement> now;
  try {
    now = session_->prepare("SELECT now() FROM system.local", "");
  } catch (const Error&) {
    // Distance and clocks are not known then.
  }
  for (const auto& host : session_->hosts()) {
    NodeFacts node{.address = host.address, .asked = host.allowed, .connected = host.connected};
    const std::string id(reinterpret_cast<const char*>(host.id.data()), host.id.size());
    if (const auto found = known.find(id); found != known.end())
      std::tie(node.datacenter, node.version) = found->second;
    if (host.connected && now) measure(*session_, *now, host.id, node);
    facts_.nodes.push_back(std::move(node));
  }
  for (const auto& address : cassandra::unknown_peers(*session_))
    facts_.nodes_unknown.emplace_back(address, cassandra::remedy_of_peer(address));
}

void Examination::look_at_keyspace() {
  const Tables tables(session_, url_);
  try {
    facts_.has_keyspace = tables.has_keyspace();
  } catch (const Error&) {
    return;  // not known
  }
  const auto replication = tables.replication();
  if (replication.options.empty()) return;
  facts_.replication = replication.text();
  facts_.copies = copies_of(replication);
}

bool Examination::has_table(const std::string& table) const {
  const auto rows =
      ask(*session_,
          "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
          cql::Values().view(url_.keyspace).view(table));
  return rows && rows->size() > 0;
}

void Examination::look_at_tables(const DataSetFacts& data, Purpose purpose) {
  facts_.is_row_table = data.is_row_table;
  const std::string table = data.is_row_table ? url_.name : url_.name + "_chunks";
  look_at_compression(table);
  look_at_tombstones(table);
  facts_.role.keyspace = url_.keyspace;
  const bool is_there = has_table(table) && (data.is_row_table || has_table("ringfeed_datasets"));
  facts_.role.needs = needs_of(data.is_row_table, url_.name, is_there, purpose);
  look_at_role();
}

void Examination::look_at_compression(const std::string& table) {
  const auto rows =
      ask(*session_,
          "SELECT compression FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
          cql::Values().view(url_.keyspace).view(table));
  if (!rows || rows->size() == 0) return;
  facts_.compression = "none";
  for (const auto& [key, value] : cql::read_text_map(rows->cell(0, 0).value_or(""))) {
    if (key == "class") facts_.compression = value.substr(value.rfind('.') + 1);
  }
}

void Examination::look_at_tombstones(const std::string& table) {
  const auto hosts = session_->hosts();
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (!hosts[i].connected) continue;
    const auto rows = ask(*session_,
                          "SELECT max FROM system_views.tombstones_per_read WHERE keyspace_name = "
                          "? AND table_name = ?",
                          cql::Values().view(url_.keyspace).view(table), hosts[i].id);
    if (!rows || rows->size() == 0) continue;
    if (rows->cell(0, 0).value_or("").size() == 8)
      facts_.nodes[i].tombstones_max = std::bit_cast<double>(rows->bigint(0, 0));
  }
}

void Examination::look_at_role() {
  RoleFacts& role = facts_.role;
  if (role.name.empty()) {
    role.is_free = true;
    return;
  }
  const auto list = [&](const std::string& what) {
    return session_->ask(session_->prepare(what, url_.text()), {},
                         cassandra::system_read(*session_));
  };
  const std::string name = cql::quote_identifier(role.name);
  try {
    const auto roles = list("LIST ROLES OF " + name);
    for (std::size_t i = 0; !roles.failure && i < roles.rows.size(); ++i)
      role.is_free = role.is_free || roles.rows.boolean(i, 1);
    if (role.is_free) return;
    const auto permissions = list("LIST ALL PERMISSIONS OF " + name);
    if (permissions.failure) {
      role.unknown = permissions.failure->message;
      // What authorizes nobody has no permissions to list.
      role.is_free = role.unknown.find("AllowAllAuthorizer") != std::string::npos;
      return;
    }
    for (std::size_t i = 0; i < permissions.rows.size(); ++i)
      role.grants.push_back({permissions.rows.text(i, 3), permissions.rows.text(i, 2)});
  } catch (const Error& error) {
    role.unknown = error.what();
    role.is_free = role.unknown.find("AllowAllAuthorizer") != std::string::npos;
  }
}

}  // namespace ringfeed::doctor
