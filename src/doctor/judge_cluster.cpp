// Verdicts on the cluster.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "base/option.hpp"
#include "cql/identifier.hpp"
#include "doctor/judge.hpp"

namespace ringfeed::doctor {
namespace {

/// Series of the server that the tests run against (docs/cassandra.md).
constexpr std::array<std::string_view, 4> kSeriesTested = {"4.0", "4.1", "5.0", "6.0"};
constexpr int kMajorLeast = 4;
constexpr double kRoundTripFar = 0.005;
constexpr double kClockOff = 0.5;
constexpr double kTombstonesMany = 1000;  // the server warns from here on
constexpr auto kExpirySoon = std::chrono::hours(24 * 14);

/// How many of the copies must answer, in the place where that is tightest.
struct Demand {
  std::string place;  ///< a data centre; empty: all together
  int copies = 0;     ///< that the keyspace asks for
  int placed = 0;     ///< that have a node of their own
  int away = 0;       ///< nodes that are not connected
  int required = 0;
  /// Nodes that may fail for all data to be there.
  int spare() const noexcept { return placed - required; }
};

struct Center {
  int nodes = 0;
  int away = 0;
};

std::map<std::string, Center> centers_of(const ClusterFacts& cluster) {
  std::map<std::string, Center> centers;
  for (const auto& node : cluster.nodes) {
    for (const auto& name : {node.datacenter, std::string()}) {  // the empty one: all together
      ++centers[name].nodes;
      if (node.asked && !node.connected) ++centers[name].away;
      if (node.datacenter.empty()) break;
    }
  }
  return centers;
}

bool is_local(Consistency level) {
  return level == Consistency::kLocalOne || level == Consistency::kLocalQuorum ||
         level == Consistency::kLocalSerial || level == Consistency::kEachQuorum;
}

int required_of(Consistency level, int copies) {
  switch (level) {
    case Consistency::kOne:
    case Consistency::kLocalOne:
      return 1;
    case Consistency::kTwo:
      return 2;
    case Consistency::kThree:
      return 3;
    case Consistency::kAll:
      return copies;
    case Consistency::kQuorum:
    case Consistency::kLocalQuorum:
    case Consistency::kEachQuorum:
    case Consistency::kSerial:
    case Consistency::kLocalSerial:
      break;
  }
  return copies / 2 + 1;
}

/// With SimpleStrategy copies are nobody's own: all nodes are one place.
Demand demand_of(Consistency level, const ClusterFacts& cluster) {
  auto centers = centers_of(cluster);
  Demand all;
  std::vector<Demand> each;
  for (const auto& [name, copies] : cluster.copies) {
    const Center center = centers[name];
    const int placed = std::min(copies, center.nodes);
    each.push_back({name, copies, placed, center.away, required_of(level, copies)});
    all.copies += copies;
    all.placed += placed;
    all.away += center.away;
  }
  all.required = required_of(level, all.copies);
  if (!is_local(level) || each.empty()) return all;
  const auto& local = cluster.local_datacenter;
  if (local && level != Consistency::kEachQuorum) {
    const auto found = std::ranges::find(each, *local, &Demand::place);
    if (found != each.end()) return *found;
    if (!each.front().place.empty())
      return {*local, 0, 0, centers[*local].away, required_of(level, 0)};
  }
  return *std::ranges::min_element(each, {}, &Demand::spare);
}

/// `what` happens at `level`; `stops` is what becomes of the run when it cannot.
Finding judge_demand(const std::string& what, Consistency level, const ClusterFacts& cluster,
                     Verdict stops, const std::string& option) {
  const Demand demand = demand_of(level, cluster);
  const std::string place = demand.place.empty() ? "" : fmt::format(" in {}", demand.place);
  const std::string needs =
      fmt::format("{} takes {} of {} {}{}", consistency_name(level), demand.required, demand.copies,
                  demand.copies == 1 ? "copy" : "copies", place);
  const std::string choose = option.empty() ? "" : fmt::format(", or name another {}", option);
  if (demand.spare() < 0) {
    return {what, stops,
            fmt::format("{}, and there {} {} node{}: they fail", needs,
                        demand.placed == 1 ? "is" : "are", demand.placed,
                        demand.placed == 1 ? "" : "s"),
            fmt::format("add nodes, or ALTER KEYSPACE with fewer copies{}", choose)};
  }
  if (demand.away > demand.spare()) {
    return {what, stops,
            fmt::format("{}, and {} node{} cannot be reached: some of them fail", needs,
                        demand.away, demand.away == 1 ? "" : "s"),
            fmt::format("start the nodes{}", choose)};
  }
  const int spare = demand.spare() - demand.away;
  return {what, spare == 0 ? Verdict::kNote : Verdict::kOk,
          fmt::format("{}: {}{}", needs, demand.away > 0 ? "besides those that are away " : "",
                      spare == 0 ? "no node may fail"
                                 : fmt::format("{} node{} may fail", spare, spare == 1 ? "" : "s")),
          ""};
}

/// "5.0" of "5.0.9".
std::string series_of(std::string_view version) {
  const auto dot = version.find('.');
  if (dot == std::string_view::npos) return std::string(version);
  const auto end = version.find_first_not_of("0123456789", dot + 1);
  return std::string(version.substr(0, end));
}

int major_of(std::string_view version) {
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

void judge_versions(const ClusterFacts& cluster, Findings& findings) {
  std::set<std::string> versions;
  for (const auto& node : cluster.nodes) {
    if (!node.version.empty()) versions.insert(node.version);
  }
  const std::string value = fmt::format("{}", fmt::join(versions, ", "));
  const auto add = [&](Verdict verdict, std::string remedy) {
    findings.push_back({"server version", verdict, value, std::move(remedy)});
  };
  if (versions.empty()) {
    findings.push_back({"server version", Verdict::kNote, "not known: no node says it", ""});
  } else if (std::ranges::any_of(versions,
                                 [](const auto& v) { return major_of(v) < kMajorLeast; })) {
    add(Verdict::kStop, "Cassandra 4.0 or newer is needed");
  } else if (versions.size() > 1) {
    add(Verdict::kWarning, "end the upgrade: nodes of several versions cannot repair each other");
  } else if (std::ranges::find(kSeriesTested, series_of(*versions.begin())) ==
             kSeriesTested.end()) {
    add(Verdict::kNote,
        fmt::format("not tried; the tests run on {}", fmt::join(kSeriesTested, ", ")));
  } else {
    add(Verdict::kOk, "");
  }
}

void judge_nodes(const ClusterFacts& cluster, Findings& findings) {
  std::vector<std::string> away;
  std::size_t asked = 0;
  for (const auto& node : cluster.nodes) {
    asked += node.asked ? 1 : 0;
    if (node.asked && !node.connected) away.push_back(node.address);
  }
  if (away.empty()) {
    findings.push_back({"nodes", Verdict::kOk,
                        fmt::format("{} of {} connected", asked, cluster.nodes.size()), ""});
  } else {
    findings.push_back(
        {"nodes", Verdict::kWarning, fmt::format("not connected: {}", fmt::join(away, ", ")),
         fmt::format("start them, open the port, or stay on the hosts of the address "
                     "with {}",
                     option_name("contact-points-only"))});
  }
  for (const auto& [address, remedy] : cluster.nodes_unknown) {
    findings.push_back({"nodes", Verdict::kWarning,
                        fmt::format("{} is in system.peers without its address: nothing is read "
                                    "from it, and no copy of its is verified",
                                    address),
                        remedy});
  }
}

/// The node for which a figure is largest in size; null when no node has it.
const NodeFacts* largest(const ClusterFacts& cluster, std::optional<double> NodeFacts::* figure) {
  const NodeFacts* found = nullptr;
  for (const auto& node : cluster.nodes) {
    if (!(node.*figure)) continue;
    if (found == nullptr || std::abs(*(node.*figure)) > std::abs(*(found->*figure))) found = &node;
  }
  return found;
}

void judge_distance(const ClusterFacts& cluster, Findings& findings) {
  if (const auto* node = largest(cluster, &NodeFacts::round_trip_seconds)) {
    const double seconds = *node->round_trip_seconds;
    findings.push_back({"round trip", seconds > kRoundTripFar ? Verdict::kNote : Verdict::kOk,
                        fmt::format("{:.1f} ms to {} (median)", seconds * 1e3, node->address),
                        seconds > kRoundTripFar
                            ? fmt::format("far: {} keeps blocks on this host, and on a fast link "
                                          "more {} help",
                                          option_name("cache"), option_name("connections-per-host"))
                            : ""});
  }
  if (const auto* node = largest(cluster, &NodeFacts::clock_seconds)) {
    const double seconds = *node->clock_seconds;
    // Half of the round trip is what it is known to.
    const bool off = std::abs(seconds) > kClockOff + node->round_trip_seconds.value_or(0) / 2;
    findings.push_back({"clock", off ? Verdict::kWarning : Verdict::kOk,
                        fmt::format("{} is {:+.3f} s from this host", node->address, seconds),
                        off ? "set the clocks by NTP: by them the server tells which of two writes "
                              "is newer"
                            : ""});
  }
}

void judge_replication(const ClusterFacts& cluster, const Wanted& wanted, Findings& findings) {
  const bool ingests = wanted.purpose == Purpose::kIngest;
  if (cluster.has_keyspace == false) {
    findings.push_back({"replication", Verdict::kStop,
                        fmt::format("there is no keyspace {}", cluster.keyspace),
                        ingests ? fmt::format("make it with {}", option_call("create-keyspace"))
                                : "check the address"});
    return;
  }
  if (cluster.copies.empty()) {
    findings.push_back(
        {"replication", Verdict::kNote,
         cluster.replication.empty() ? "not known: the role cannot read it" : cluster.replication,
         ""});
    return;
  }
  auto centers = centers_of(cluster);
  std::string short_of;
  int all = 0;
  for (const auto& [name, copies] : cluster.copies) {
    const int nodes = centers[name].nodes;
    all += copies;
    if (copies > nodes)
      short_of += fmt::format("; {} copies on {} node{}{}", copies, nodes, nodes == 1 ? "" : "s",
                              name.empty() ? "" : " of " + name);
  }
  if (!short_of.empty()) {
    findings.push_back({"replication", Verdict::kWarning, cluster.replication + short_of,
                        "add nodes, or ALTER KEYSPACE with as many copies as there are nodes"});
  } else if (all == 1) {
    findings.push_back({"replication", Verdict::kNote, cluster.replication,
                        "each row is on one node alone: ALTER KEYSPACE with more copies, then "
                        "nodetool repair --full"});
  } else {
    findings.push_back({"replication", Verdict::kOk, cluster.replication, ""});
  }
  const Verdict to_read = ingests ? Verdict::kNote : Verdict::kStop;
  const Verdict to_write = ingests ? Verdict::kStop : Verdict::kNote;
  if (!cluster.is_row_table) {
    // Which versions there are is read as transactions left it.
    findings.push_back(judge_demand("opening", Consistency::kSerial, cluster, Verdict::kStop, ""));
  }
  findings.push_back(
      judge_demand("reads", cluster.read, cluster, to_read, option_name("read-consistency")));
  findings.push_back(
      judge_demand("writes", cluster.write, cluster, to_write, option_name("write-consistency")));
  if (!cluster.is_row_table)
    findings.push_back(judge_demand("publishing", Consistency::kSerial, cluster, to_write, ""));
}

void judge_tables(const ClusterFacts& cluster, Findings& findings) {
  if (cluster.compression) {
    const bool pays = cluster.is_row_table || cluster.compression == "none";
    findings.push_back(
        {"compression", pays ? Verdict::kOk : Verdict::kNote, *cluster.compression,
         pays ? ""
              : "reads of chunks are 7 to 14 % slower with it: ALTER TABLE ... WITH "
                "compression = {'enabled': false}, then nodetool upgradesstables -a"});
  }
  if (const auto* node = largest(cluster, &NodeFacts::tombstones_max)) {
    const bool many = *node->tombstones_max >= kTombstonesMany;
    findings.push_back(
        {"tombstones", many ? Verdict::kWarning : Verdict::kOk,
         fmt::format("at most {:.0f} in one read, on {}", *node->tombstones_max, node->address),
         many ? "deleted rows lie in the way: nodetool compact, when "
                "gc_grace_seconds have passed"
              : ""});
  } else if (cluster.compression) {
    findings.push_back(
        {"tombstones", Verdict::kNote, "not known: no node tells of them to this role", ""});
  }
}

/// "<keyspace ml>", "<all tables in ml>", "<table ml.digits>", ... as the server writes them.
bool covers(const Grant& grant, const Need& need, const std::string& keyspace) {
  if (grant.permission != need.permission) return false;
  const auto is = [&](const std::string& text) { return grant.resource == text; };
  return is("<all keyspaces>") || is(fmt::format("<keyspace {}>", keyspace)) ||
         is(fmt::format("<all tables in {}>", keyspace)) ||
         (!need.table.empty() && is(fmt::format("<table {}.{}>", keyspace, need.table)));
}

void judge_role(const RoleFacts& role, Findings& findings) {
  const std::string name = role.name.empty() ? "nobody" : role.name;
  if (role.is_free) {
    findings.push_back(
        {"permissions", Verdict::kOk, fmt::format("{} may do everything", name), ""});
    return;
  }
  if (!role.unknown.empty()) {
    findings.push_back(
        {"permissions", Verdict::kNote, fmt::format("not known: {}", role.unknown), ""});
    return;
  }
  std::vector<std::string> missing;
  std::vector<std::string> grants;
  for (const auto& need : role.needs) {
    const bool has = std::ranges::any_of(
        role.grants, [&](const Grant& grant) { return covers(grant, need, role.keyspace); });
    if (has) continue;
    const std::string keyspace = cql::quote_identifier(role.keyspace);
    const std::string on = need.table.empty() ? "KEYSPACE " + keyspace
                                              : keyspace + "." + cql::quote_identifier(need.table);
    missing.push_back(fmt::format("{} ON {}", need.permission, on));
    grants.push_back(
        fmt::format("GRANT {} TO {};", missing.back(), cql::quote_identifier(role.name)));
  }
  if (missing.empty()) {
    findings.push_back(
        {"permissions", Verdict::kOk, fmt::format("{} has those that it needs", name), ""});
    return;
  }
  findings.push_back({"permissions", Verdict::kStop,
                      fmt::format("{} lacks {}", name, fmt::join(missing, ", ")),
                      fmt::format("{}", fmt::join(grants, " "))});
}

void judge_tls(const ClusterFacts& cluster, Findings& findings) {
  if (!cluster.tls) {
    findings.push_back({"TLS", Verdict::kNote, "off: passwords and data are sent in plain text",
                        fmt::format("{}, where the servers have it", option_name("tls"))});
    return;
  }
  findings.push_back(
      {"TLS", cluster.tls_insecure ? Verdict::kWarning : Verdict::kOk,
       cluster.tls_insecure ? "certificates are not verified"
                            : "the servers' certificates are for the names that are connected to",
       cluster.tls_insecure ? fmt::format("leave out {}, and name the authority with {}",
                                          option_name("tls-insecure"), option_name("tls-ca"))
                            : ""});
}

void judge_certificates(const ClusterFacts& cluster, std::chrono::system_clock::time_point now,
                        Findings& findings) {
  if (!cluster.tls) return;
  for (const auto& certificate : cluster.certificates) {
    const std::string check = "certificate";
    if (!certificate.expires) {
      findings.push_back({check, Verdict::kWarning,
                          fmt::format("{}: no certificate can be read there", certificate.path),
                          "name a PEM file with one"});
      continue;
    }
    const auto left = *certificate.expires - now;
    const std::string value =
        fmt::format("{}: until {:%Y-%m-%d}", certificate.path,
                    fmt::gmtime(std::chrono::system_clock::to_time_t(*certificate.expires)));
    const Verdict verdict = left <= left.zero()
                                ? (cluster.tls_insecure ? Verdict::kWarning : Verdict::kStop)
                            : left < kExpirySoon ? Verdict::kWarning
                                                 : Verdict::kOk;
    findings.push_back({check, verdict, value, verdict == Verdict::kOk ? "" : "renew it"});
  }
}

}  // namespace

Findings judge_cluster(const ClusterFacts& cluster, const Wanted& wanted,
                       std::chrono::system_clock::time_point now) {
  Findings findings;
  if (!cluster.trouble.empty()) {
    findings.push_back({"connection", Verdict::kStop, cluster.trouble,
                        cluster.is_reached ? ""
                                           : "start the nodes, or check the address, its port "
                                             "(9042 unless it is said) and firewalls"});
    // What may be why.
    judge_certificates(cluster, now, findings);
    std::erase_if(findings, [](const Finding& finding) { return finding.verdict == Verdict::kOk; });
    return findings;
  }
  judge_versions(cluster, findings);
  judge_nodes(cluster, findings);
  judge_distance(cluster, findings);
  judge_replication(cluster, wanted, findings);
  judge_tables(cluster, findings);
  judge_role(cluster.role, findings);
  judge_tls(cluster, findings);
  judge_certificates(cluster, now, findings);
  return findings;
}

}  // namespace ringfeed::doctor
