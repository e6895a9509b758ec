// CQL of the tables.
#include "store/cassandra/tables.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <functional>
#include <ringfeed/error.hpp>
#include <set>
#include <thread>

#include "base/hash.hpp"
#include "base/option.hpp"
#include "cql/identifier.hpp"

namespace ringfeed::cassandra {
namespace {

constexpr std::string_view kDatasets = "ringfeed_datasets";
constexpr std::string_view kManifests = "ringfeed_manifests";
constexpr std::uint32_t kPiecesMax = 4096;
constexpr std::array<std::string_view, 8> kDatasetsColumns = {
    "name", "version", "state", "owner", "fingerprint", "lease", "reserved", "manifest_pieces"};
constexpr std::array<std::string_view, 4> kManifestsColumns = {"name", "version", "piece", "text"};
constexpr std::array<std::string_view, 4> kChunksColumns = {"claim", "number", "hash", "data"};

const cql::Request kSerialRead = {.consistency = Consistency::kSerial};
/// Whether the server's guardrails, in these words of theirs, let no table have this property.
bool is_refused(std::string_view words, std::string_view property) {
  if (property == "compression" && words.find("Uncompressed table") != std::string_view::npos)
    return true;
  constexpr std::string_view kRefused = "Provided values [";
  const auto at = words.find(kRefused);
  if (at == std::string_view::npos) return false;
  const auto list = words.substr(at + kRefused.size());
  const std::string names = fmt::format(", {},", list.substr(0, list.find(']')));
  return names.find(fmt::format(", {},", property)) != std::string::npos;
}

std::string list_of_versions(const std::string& datasets) {
  return fmt::format(
      "SELECT version, state, owner, fingerprint, lease, reserved, manifest_pieces FROM {} "
      "WHERE name = ?",
      datasets);
}

std::uint64_t number_or_zero(const cql::Rows& rows, std::size_t row, std::size_t column) {
  return rows.cell(row, column) ? static_cast<std::uint64_t>(rows.bigint(row, column)) : 0;
}

}  // namespace

void wait_for_table(const cql::Session& session, const std::string& select,
                    std::string_view where) {
  constexpr std::uint32_t kPauseMs = 100;
  // Of a node that does not know it; empty: all do.
  const auto unaware = [&]() -> std::string {
    try {
      const auto statement = session.prepare(select, where);
      for (const auto& host : session.hosts()) {
        if (!host.connected) continue;
        const auto answer =
            session.ask(statement, {}, {.consistency = Consistency::kLocalOne, .host = host.id});
        if (answer.failure && answer.failure->status == cql::Status::kUnknownTable)
          return fmt::format("node {}: {}", host.address, answer.failure->message);
      }
      return "";
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
      return error.what();
    }
  };
  std::string who = unaware();
  for (std::uint32_t waited = 0; !who.empty(); who = unaware(), waited += kPauseMs) {
    if (waited >= session.connection().request_timeout_ms) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("{}: {}, though it was made: nodes of several versions do not always "
                              "tell each other of new tables; try again, once all "
                              "nodes have one version",
                              where, who));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
  }
}

cql::Request system_read(const cql::Session& session) {
  const auto level = session.connection().read_consistency;
  const bool is_of_several = level == Consistency::kTwo || level == Consistency::kThree;
  return {.consistency = is_of_several ? Consistency::kLocalQuorum : level};
}

void create_table(const cql::Session& session, const std::string& table,
                  std::vector<TableProperty> properties, std::string_view where) {
  while (true) {
    std::string text = "CREATE TABLE IF NOT EXISTS " + table;
    for (std::size_t i = 0; i < properties.size(); ++i) {
      text += fmt::format("{} {} = {}", i == 0 ? " WITH" : " AND", properties[i].name,
                          properties[i].value);
    }
    try {
      session.execute(text, {}, {}, where);
      return;
    } catch (const Error& error) {
      const auto refused = std::ranges::find_if(properties, [&](const TableProperty& property) {
        return is_refused(error.what(), property.name);
      });
      if (refused == properties.end()) throw;
      properties.erase(refused);
    }
  }
}

Tables::Tables(std::shared_ptr<const cql::Session> session, const Url& url)
    : session_(std::move(session)), keyspace_(url.keyspace), name_(url.name) {
  Url place = url;
  place.split.reset();
  place.version.reset();
  where_ = place.text();
}

std::string Tables::datasets() const {
  return fmt::format("{}.{}", cql::quote_identifier(keyspace_), kDatasets);
}
std::string Tables::manifests() const {
  return fmt::format("{}.{}", cql::quote_identifier(keyspace_), kManifests);
}
std::string Tables::chunks() const {
  return fmt::format("{}.{}", cql::quote_identifier(keyspace_),
                     cql::quote_identifier(name_ + "_chunks"));
}

bool Tables::has_keyspace() const {
  return session_
             ->execute("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?",
                       cql::Values().view(keyspace_), system_read(*session_), where_)
             .size() > 0;
}

bool Tables::has_table(std::string_view table, std::span<const std::string_view> columns) const {
  const auto rows = session_->execute(
      "SELECT column_name FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?",
      cql::Values().view(keyspace_).view(table), system_read(*session_), where_);
  std::set<std::string, std::less<>> found;
  for (std::size_t i = 0; i < rows.size(); ++i) found.insert(rows.text(i, 0));
  if (found.empty()) return false;
  if (std::ranges::all_of(columns, [&](std::string_view name) { return found.contains(name); }))
    return true;
  throw Error(ErrorCode::kConflict,
              fmt::format("{}: the table {} in keyspace {} is none of ringfeed's; rename it, or "
                          "choose another {}",
                          where_, table, keyspace_, table == kDatasets ? "keyspace" : "name"));
}

bool Tables::exist() const { return has_table(kDatasets, kDatasetsColumns); }
bool Tables::has_manifests() const { return has_table(kManifests, kManifestsColumns); }
bool Tables::has_chunks() const { return has_table(name_ + "_chunks", kChunksColumns); }

std::string Tables::id_of(std::string_view table) const {
  const std::string text = fmt::format("ringfeed table {}.{}", keyspace_, table);
  const std::uint64_t high = (hash_bytes(text) & ~0xF000ULL) | 0x8000ULL;
  const std::uint64_t low = (hash_bytes(text + ".") & ~(3ULL << 62)) | 2ULL << 62;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, high >> 16 & 0xFFFF,
                     high & 0xFFFF, low >> 48, low & 0xFFFF'FFFF'FFFF);
}

void Tables::throw_no_keyspace() const {
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("{}: there is no keyspace {}; make it with {}, or: CREATE KEYSPACE {} WITH "
                  "replication = {{'class': 'NetworkTopologyStrategy', "
                  "'replication_factor': 3}};",
                  where_, keyspace_, option_call("create-keyspace"),
                  cql::quote_identifier(keyspace_)));
}

void Tables::create() const {
  if (!has_keyspace()) throw_no_keyspace();
  const auto make = [&](std::string_view table, std::span<const std::string_view> columns,
                        const std::string& text, std::vector<TableProperty> properties,
                        const std::string& select) {
    if (!has_table(table, columns)) {
      properties.push_back({"id", id_of(table)});
      create_table(*session_, text, std::move(properties), where_);
    }
    wait_for_table(*session_, select, where_);
  };
  make(kDatasets, kDatasetsColumns,
       fmt::format("{} (name text, version bigint, state text, owner text, fingerprint bigint, "
                   "lease boolean, reserved bigint, manifest_pieces int, PRIMARY KEY (name, "
                   "version))",
                   datasets()),
       {}, fmt::format("SELECT version FROM {} WHERE name = '-' AND version = 0", datasets()));
  make(kManifests, kManifestsColumns,
       fmt::format("{} (name text, version bigint, piece int, text blob, PRIMARY KEY ((name, "
                   "version), piece))",
                   manifests()),
       {},
       fmt::format("SELECT piece FROM {} WHERE name = '-' AND version = 0 AND piece = 0",
                   manifests()));
  // Chunks are read whole and by key, and have a checksum of their own.
  make(name_ + "_chunks", kChunksColumns,
       fmt::format("{} (claim bigint, number bigint, hash bigint, data blob, PRIMARY KEY ((claim, "
                   "number)))",
                   chunks()),
       {{"compression", "{'enabled': false}"},
        {"caching", "{'keys': 'ALL', 'rows_per_partition': 'NONE'}"}},
       fmt::format("SELECT claim FROM {} WHERE claim = 0 AND number = 0", chunks()));
}

std::vector<VersionRow> Tables::select_rows(std::string_view condition,
                                            const cql::Values& values) const {
  if (!exist()) {
    if (!has_keyspace()) throw_no_keyspace();
    return {};
  }
  const auto statement =
      session_->prepare(list_of_versions(datasets()) + std::string(condition), where_);
  // Patiently also because writers at the same row may make each other's reads time out.
  const auto answer = session_->ask_patiently(statement, values, kSerialRead);
  if (answer.failure) throw error(*answer.failure);
  std::vector<VersionRow> result;
  for (std::size_t i = 0; i < answer.rows.size(); ++i) {
    VersionRow row;
    row.version = static_cast<std::uint64_t>(answer.rows.bigint(i, 0));
    row.state = answer.rows.text(i, 1);
    row.owner = answer.rows.text(i, 2);
    row.fingerprint = number_or_zero(answer.rows, i, 3);
    row.leased = answer.rows.cell(i, 4).has_value();
    row.reserved = number_or_zero(answer.rows, i, 5);
    row.manifest_pieces = answer.rows.cell(i, 6)
                              ? static_cast<std::uint32_t>(answer.rows.integer(i, 6))
                              : std::uint32_t{0};
    result.push_back(std::move(row));
  }
  return result;
}

std::vector<VersionRow> Tables::rows() const { return select_rows("", cql::Values().view(name_)); }

std::optional<VersionRow> Tables::row(std::uint64_t version) const {
  auto rows = select_rows(" AND version = ?",
                          cql::Values().view(name_).bigint(static_cast<std::int64_t>(version)));
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::vector<std::string> Tables::published_names() const {
  if (!exist()) {
    if (!has_keyspace()) throw_no_keyspace();
    return {};
  }
  // A scan cannot be serial; a version that was published a moment ago may be missing from it.
  const auto statement =
      session_->prepare(fmt::format("SELECT name, state FROM {}", datasets()), where_);
  std::set<std::string> names;
  std::string page;
  while (true) {
    cql::Request request = {.consistency = session_->connection().read_consistency,
                            .page_rows = 1000};
    if (!page.empty()) request.paging_state = page;
    const auto rows = session_->execute(statement, {}, request, where_);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows.text(i, 1) == kPublished) names.insert(rows.text(i, 0));
    }
    if (!rows.paging_state()) break;
    page = *rows.paging_state();
  }
  return {names.begin(), names.end()};
}

std::string Tables::read_manifest(const VersionRow& row) const {
  if (row.manifest_pieces > kPiecesMax) {
    throw Error(ErrorCode::kBadData, fmt::format("{}: version {} has {} pieces of a manifest",
                                                 where_, row.version, row.manifest_pieces));
  }
  const auto lost = [&](std::uint32_t piece) {
    return Error(ErrorCode::kBadData,
                 fmt::format("{}: piece {} of the manifest of version {} is missing; ingest (or "
                             "append) again what it was made of, or delete ?version={}",
                             where_, piece, row.version, row.version));
  };
  std::optional<cql::Statement> statement;
  try {
    statement = session_->prepare(
        fmt::format("SELECT text FROM {} WHERE name = ? AND version = ? AND piece = ?",
                    manifests()),
        where_);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) throw lost(0);  // the table is gone
    throw;
  }
  std::string text;
  for (std::uint32_t piece = 0; piece < row.manifest_pieces; ++piece) {
    cql::Values values;
    values.view(name_)
        .bigint(static_cast<std::int64_t>(row.version))
        .integer(static_cast<std::int32_t>(piece));
    auto answer = session_->ask_patiently(*statement, values,
                                          {.consistency = session_->connection().read_consistency});
    // A replica that missed the write does not make a manifest missing.
    if (answer.failure || answer.rows.size() == 0)
      answer =
          session_->ask_patiently(*statement, values, {.consistency = Consistency::kLocalQuorum});
    if (answer.failure) throw error(*answer.failure);
    if (answer.rows.size() == 0) throw lost(piece);
    text += answer.rows.text(0, 0);
  }
  return text;
}

std::string Replication::text() const {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : options) pairs.push_back(fmt::format("'{}': '{}'", key, value));
  return fmt::format("{{{}}}", fmt::join(pairs, ", "));
}

int Replication::copies() const {
  int copies = 0;
  for (const auto& [key, value] : options) {
    int factor = 0;
    std::from_chars(value.data(), value.data() + value.size(), factor);
    copies += factor;
  }
  return copies;
}

std::string Replication::with_copies(int copies,
                                     const std::optional<std::string>& local_datacenter) const {
  Replication changed = *this;
  const bool is_one_place = options.size() == 2;  // beside `class`
  bool found = false;
  for (auto& [key, value] : changed.options) {
    if (key == "class" || (!is_one_place && key != local_datacenter)) continue;
    value = std::to_string(copies);
    found = true;
  }
  return found ? changed.text() : "";
}

Replication Tables::replication() const {
  Replication replication;
  cql::Answer answer;
  try {
    const auto statement = session_->prepare(
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?", where_);
    answer = session_->ask(statement, cql::Values().view(keyspace_), system_read(*session_));
  } catch (const Error&) {
    return replication;  // it is for a message about another failure
  }
  if (answer.failure || answer.rows.size() == 0) return replication;
  replication.options = cql::read_text_map(answer.rows.cell(0, 0).value_or(""));
  for (auto& [key, value] : replication.options) {
    if (const auto dot = value.rfind('.'); key == "class" && dot != std::string::npos)
      value.erase(0, dot + 1);
  }
  return replication;
}

Error Tables::error(const cql::Failure& failure, std::string_view place) const {
  if (place.empty()) place = where_;
  if (failure.status != cql::Status::kUnavailable) return session_->error(failure, place);
  const Replication now = replication();
  std::string remedy = "start the others";
  if (const int copies = now.copies(); copies > 0 && failure.required > copies) {
    remedy = fmt::format("name a consistency of fewer ({}, {})", option_name("write-consistency"),
                         option_name("read-consistency"));
  } else if (const auto fewer = now.with_copies(std::max(1, failure.alive),
                                                session_->connection().local_datacenter);
             !fewer.empty()) {
    remedy += fmt::format(", or: ALTER KEYSPACE {} WITH replication = {};",
                          cql::quote_identifier(keyspace_), fewer);
  }
  return Error(ErrorCode::kUnavailable,
               fmt::format("{}: {} replicas must answer and {} live; keyspace {} has replication "
                           "{}, the nodes are {}; {}",
                           place, failure.required, failure.alive, keyspace_, now.text(),
                           session_->hosts_text(), remedy));
}

PartKeys parse_part_name(std::string_view name, std::string_view where) {
  PartKeys keys;
  std::string_view rest = name;
  const auto take = [&](std::int64_t& number) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return error == std::errc();
  };
  const auto take_next = [&](std::int64_t& number) {
    if (!rest.starts_with('/')) return false;
    rest.remove_prefix(1);
    return take(number);
  };
  const bool is_one = take(keys.first.claim) && take_next(keys.first.number) &&
                      (rest.empty() || take_next(keys.step)) && keys.first.claim > 0 &&
                      keys.first.number >= 0 && keys.step > 0 && part_name(keys) == name;
  if (is_one) return keys;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: '{}' names no chunks of this store", where, name));
}

std::string part_name(const PartKeys& keys) {
  const auto first = fmt::format("{}/{}", keys.first.claim, keys.first.number);
  return keys.step == 1 ? first : fmt::format("{}/{}", first, keys.step);
}

}  // namespace ringfeed::cassandra
