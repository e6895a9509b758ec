// Where a packed data set is in a keyspace (docs/format.md): one row per version in
// ringfeed_datasets, its manifest in pieces in ringfeed_manifests, its chunks in a table of their
// own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/manifest.hpp>
#include <ringfeed/url.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cql/session.hpp"

namespace ringfeed::cassandra {

/// A version's row. It is written by lightweight transactions alone and read at SERIAL.
struct VersionRow {
  std::uint64_t version = 0;
  std::string state;              ///< kWriting, kPublished, kAbandoned, kDeleting or kDeleted
  std::string owner;              ///< who writes it (Owner::text)
  std::uint64_t fingerprint = 0;  ///< of the origin
  bool leased = false;            ///< the owner was alive within the lease
  std::uint64_t reserved = 0;     ///< no chunk with this number or a higher one was ever written
  std::uint32_t manifest_pieces = 0;
};

inline constexpr std::string_view kWriting = "writing";
inline constexpr std::string_view kPublished = "published";
inline constexpr std::string_view kAbandoned = "abandoned";
inline constexpr std::string_view kDeleting = "deleting";
inline constexpr std::string_view kDeleted = "deleted";

/// Longest piece of a manifest's text.
inline constexpr std::size_t kPieceBytes = 512 * 1024;

/// Of a keyspace: the options as they are, `class` without its package, and where copies go.
struct Replication {
  std::vector<std::pair<std::string, std::string>> options;

  /// {'class': 'SimpleStrategy', 'replication_factor': '3'}
  std::string text() const;
  /// In all data centres.
  int copies() const;
  /// With `copies` where the others were asked for: everywhere, or in the local data centre. Empty
  /// when it is one of several and not known which.
  std::string with_copies(int copies, const std::optional<std::string>& local_datacenter) const;
};

/// How the tables of the system are read, each node's own copy: at a level that the guardrails
/// let users read at, and that one copy is enough for.
cql::Request system_read(const cql::Session& session);

/// Waits until each connected node knows a new table: another client's, or this one's where the
/// nodes do not agree on the schema. `select` reads one partition of it. Throws Error{kUnavailable}
/// that names a node which does not know it within the request timeout.
void wait_for_table(const cql::Session& session, const std::string& select, std::string_view where);

/// "compression", "{'enabled': false}".
struct TableProperty {
  std::string name;
  std::string value;
};

/// CREATE TABLE IF NOT EXISTS, without the properties that the server's guardrails refuse. `table`:
/// the quoted name and the columns.
void create_table(const cql::Session& session, const std::string& table,
                  std::vector<TableProperty> properties, std::string_view where);

class Tables {
 public:
  /// `name` is the data set's. Nothing is asked of the server yet.
  Tables(std::shared_ptr<const cql::Session> session, const Url& url);

  const cql::Session& session() const noexcept { return *session_; }
  const std::string& keyspace() const noexcept { return keyspace_; }
  const std::string& name() const noexcept { return name_; }
  /// "cassandra://host/keyspace/name", for messages.
  const std::string& where() const noexcept { return where_; }
  std::string datasets() const;   ///< quoted, with the keyspace
  std::string manifests() const;  ///< likewise
  std::string chunks() const;     ///< likewise

  /// The id to make a table with, the same for every client: when two make it at once, each node
  /// may take either statement, and with ids of their own the rows that were written under one of
  /// them would be lost.
  std::string id_of(std::string_view table) const;

  bool exist() const;
  bool has_manifests() const;
  bool has_chunks() const;
  /// Makes those that are missing. Throws Error{kNotFound} with the CREATE KEYSPACE line when the
  /// keyspace is missing.
  void create() const;

  /// All rows of this data set, ascending; empty when the tables are missing. Throws
  /// Error{kNotFound} when the keyspace is.
  std::vector<VersionRow> rows() const;
  std::optional<VersionRow> row(std::uint64_t version) const;
  /// Names with a published version, sorted.
  std::vector<std::string> published_names() const;

  /// The text of a published manifest, put together. Throws Error{kBadData} when some of it is
  /// gone.
  std::string read_manifest(const VersionRow& row) const;

  /// An Error that also says how the keyspace is replicated and which nodes live, when replicas
  /// were missing. `place`: what it starts with; empty: where().
  Error error(const cql::Failure& failure, std::string_view place = "") const;

  bool has_keyspace() const;
  /// The keyspace's, as CQL's map; without options when it cannot be read.
  Replication replication() const;

 private:
  bool has_table(std::string_view table, std::span<const std::string_view> columns) const;
  [[noreturn]] void throw_no_keyspace() const;
  std::vector<VersionRow> select_rows(std::string_view condition, const cql::Values& values) const;

  std::shared_ptr<const cql::Session> session_;
  std::string keyspace_;
  std::string name_;
  std::string where_;
};

/// The place of a chunk: the partition key.
struct ChunkKey {
  std::int64_t claim = 0;  ///< the version that it was written for
  std::int64_t number = 0;
};

/// The places of a part's chunks: chunk i has the number first.number + i * step. Its name is
/// "CLAIM/FIRST", or "CLAIM/FIRST/STEP" where the numbers go by more than one: the chunks of one
/// column group of several.
struct PartKeys {
  ChunkKey first;
  std::int64_t step = 1;

  ChunkKey at(std::size_t chunk) const noexcept {
    return {first.claim, first.number + static_cast<std::int64_t>(chunk) * step};
  }
};

/// Throws Error{kBadData} that starts with `where` when it is not the name of a part.
PartKeys parse_part_name(std::string_view name, std::string_view where);
std::string part_name(const PartKeys& keys);

}  // namespace ringfeed::cassandra
