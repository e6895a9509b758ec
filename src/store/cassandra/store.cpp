// Versions, the check of every copy, and removal; reading and writing are in reader.cpp and
// writer.cpp.
#include "store/cassandra/store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ringfeed/error.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/hash.hpp"
#include "store/cassandra/claim.hpp"
#include "store/cassandra/reader.hpp"
#include "store/cassandra/stored_chunks.hpp"
#include "store/cassandra/writer.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

/// Reads every copy of every chunk, each from the node that has it. A copy that is missing is no
/// damage while another one is sound: a write needs no answer of all replicas.
class Verification {
 public:
  Verification(const Tables& tables, std::uint64_t bytes_under_way_max,
               const std::function<void(std::uint64_t)>& progress)
      : tables_(tables),
        bytes_under_way_max_(bytes_under_way_max),
        progress_(progress),
        select_(tables.session().prepare(
            fmt::format("SELECT hash, data FROM {} WHERE claim = ? AND number = ?",
                        tables.chunks()),
            tables.where())) {}

  void add(const ChunkKey& key, std::uint32_t bytes, std::uint64_t hash) {
    auto replicas = tables_.session().replicas(select_, key_values(key));
    if (replicas.empty()) {
      if (!tables_.session().connection().contact_points_only) throw_unknown_replicas();
      replicas.emplace_back();  // another node's copy, as a contact point is given it
    }
    const auto chunk = std::make_shared<Copies>(Copies{key, bytes, hash, replicas.size(), false});
    for (const auto& replica : replicas) {
      while (!sent_.empty() && bytes_under_way_ + bytes > bytes_under_way_max_) take();
      Copy copy{chunk, std::nullopt, replica.address, 0};
      if (!replica.address.empty()) copy.host = replica.id;
      send(std::move(copy));
    }
  }

  /// Bytes checked, one copy of each chunk counted. `warn` is told of nodes without copies.
  std::uint64_t finish(const std::function<void(const std::string&)>& warn) {
    while (!sent_.empty()) take();
    for (const auto& [address, count] : missing_) {
      if (!warn) continue;
      warn(
          fmt::format("{}: node {} lacks {} of the chunks, which others have; run 'nodetool repair "
                      "{}' there",
                      tables_.where(), address, count, tables_.keyspace()));
    }
    return checked_;
  }

 private:
  static constexpr int kTriesMax = 3;

  struct Copies {
    ChunkKey key;
    std::uint32_t bytes = 0;
    std::uint64_t hash = 0;
    std::size_t left = 0;  ///< copies not looked at yet
    bool sound = false;    ///< one of them is there and right
  };
  struct Copy {
    std::shared_ptr<Copies> chunk;
    std::optional<cql::HostId> host;
    std::string address;
    int tries = 0;
    bool quorum = false;  ///< of whichever copies
  };

  static cql::Values key_values(const ChunkKey& key) {
    return std::move(cql::Values().bigint(key.claim).bigint(key.number));
  }

  void send(Copy copy) {
    const std::uint64_t tag = ++last_;
    bytes_under_way_ += copy.chunk->bytes;
    const auto consistency =
        copy.quorum ? Consistency::kLocalQuorum : tables_.session().connection().read_consistency;
    tables_.session().start(select_, key_values(copy.chunk->key),
                            {.consistency = consistency, .host = copy.host}, answers_, tag);
    sent_.emplace(tag, std::move(copy));
  }

  [[noreturn]] void throw_unknown_replicas() const {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: it is not known which nodes have copies of the chunks, so not all "
                            "copies can be read; verify again when all nodes of keyspace {} are up",
                            tables_.where(), tables_.keyspace()));
  }

  [[noreturn]] void throw_unread(const Copy& copy, const cql::Failure& failure) const {
    const Error error = tables_.error(failure);
    if (copy.address.empty() || !failure.passes()) throw error;
    throw Error(error.code(),
                fmt::format("{}; every copy is read, and node {} did not answer for its own: "
                            "verify again when all nodes are up",
                            error.what(), copy.address));
  }

  [[noreturn]] void throw_missing(const Copy& copy) const {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: chunk {} of claim {} is missing on every node; ingest again, "
                            "which puts back what is missing",
                            tables_.where(), copy.chunk->key.number, copy.chunk->key.claim));
  }

  [[noreturn]] void throw_damaged(const Copy& copy, std::string_view problem) const {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: chunk {} of claim {} on node {}: {}; repair that node's table "
                            "(nodetool scrub, then repair), or delete the version and ingest again",
                            tables_.where(), copy.chunk->key.number, copy.chunk->key.claim,
                            copy.address, problem));
  }

  void take() {
    auto answer = answers_.next(1h);
    if (!answer) return;
    auto node = sent_.extract(answer->tag);
    Copy& copy = node.mapped();
    Copies& chunk = *copy.chunk;
    bytes_under_way_ -= chunk.bytes;
    if (answer->failure) {
      if (!answer->failure->passes() || ++copy.tries == kTriesMax)
        throw_unread(copy, *answer->failure);
      return send(std::move(copy));
    }
    --chunk.left;
    // Without its bytes a copy is none: read repair brings a node the columns that were asked for.
    if (answer->rows.size() == 0 || !answer->rows.cell(0, 1)) {
      if (copy.quorum) throw_missing(copy);
      ++missing_[copy.address];
      if (chunk.left > 0 || chunk.sound) return;
      // A node may have asked another one: all may have asked the one that has no copy.
      chunk.left = 1;
      copy.tries = 0;
      copy.quorum = true;
      return send(std::move(copy));
    }
    const auto cell = answer->rows.cell(0, 1).value_or("");
    if (cell.size() != chunk.bytes) {
      throw_damaged(copy,
                    fmt::format("{} bytes where the manifest says {}", cell.size(), chunk.bytes));
    }
    if (hash_bytes(cell) != chunk.hash)
      throw_damaged(copy, "its bytes do not match their checksum");
    if (std::exchange(chunk.sound, true)) return;
    checked_ += chunk.bytes;
    if (progress_) progress_(checked_);
  }

  const Tables& tables_;
  const std::uint64_t bytes_under_way_max_;
  const std::function<void(std::uint64_t)>& progress_;
  cql::Statement select_;
  cql::Queue answers_;
  std::unordered_map<std::uint64_t, Copy> sent_;
  std::map<std::string, std::uint64_t> missing_;  ///< copies, by node
  std::uint64_t bytes_under_way_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t checked_ = 0;
};

/// Chunks by claim and number.
using ChunkSet = std::set<std::pair<std::int64_t, std::int64_t>>;

/// Those that the manifest of a version names. Where that is lost, all that were ever written for
/// this version and for those before it: it may name any of them.
ChunkSet chunks_of(const Tables& tables, const VersionRow& row) {
  ChunkSet result;
  try {
    const auto manifest = Manifest::decode(tables.read_manifest(row), tables.where());
    for (const auto& place : chunk_places(tables, manifest))
      result.emplace(place.key.claim, place.key.number);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    for (const auto& other : tables.rows()) {
      if (other.version > row.version) continue;
      for (std::uint64_t number = 0; number < other.reserved; ++number) {
        result.emplace(static_cast<std::int64_t>(other.version), static_cast<std::int64_t>(number));
      }
    }
  }
  return result;
}

}  // namespace

CassandraStore::CassandraStore(std::shared_ptr<const cql::Session> session, const Url& url,
                               CassandraStoreOptions options)
    : tables_(std::move(session), url), options_(std::move(options)) {}

std::vector<std::uint64_t> CassandraStore::versions() { return versions_in(kPublished); }

std::vector<std::uint64_t> CassandraStore::half_removed() { return versions_in(kDeleting); }

std::vector<std::uint64_t> CassandraStore::versions_in(std::string_view state) {
  std::vector<std::uint64_t> versions;
  for (const auto& row : tables_.rows()) {
    if (row.state == state) versions.push_back(row.version);
  }
  return versions;
}

Manifest CassandraStore::manifest(std::uint64_t version) {
  const auto row = tables_.row(version);
  if (!row || row->state != kPublished) {
    const auto there = versions();
    throw Error(ErrorCode::kNotFound,
                there.empty()
                    ? fmt::format("{}: there is no data set here; check the name, or ingest one",
                                  tables_.where())
                    : fmt::format("{}: there is no version {}; the versions are {}",
                                  tables_.where(), version, fmt::join(there, ", ")));
  }
  auto manifest = Manifest::decode(tables_.read_manifest(*row), tables_.where());
  if (manifest.version != version) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: where the manifest of version {} should be is that of version {}; "
                            "restore table {}",
                            tables_.where(), version, manifest.version, tables_.manifests()));
  }
  return manifest;
}

std::unique_ptr<BlockReader> CassandraStore::reader(const Manifest& manifest,
                                                    std::string_view split, int workers) {
  return std::make_unique<Reader>(tables_, options_, manifest, split, workers);
}

std::unique_ptr<VersionWriter> CassandraStore::write(const WriteIntent& intent, OnStep on_step) {
  return std::make_unique<Writer>(tables_, options_, intent, std::move(on_step));
}

std::uint64_t CassandraStore::verify(const Manifest& manifest,
                                     const std::function<void(std::uint64_t bytes)>& progress) {
  if (this->manifest(manifest.version) != manifest) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the manifest of version {} is not the one that was opened; a "
                            "published version never changes: restore table {}",
                            tables_.where(), manifest.version, tables_.manifests()));
  }
  Verification verification(tables_, options_.read_bytes_under_way, progress);
  for (const auto& part : manifest.parts) {
    ChunkKey key = parse_part_name(part.name, tables_.where());
    for (std::size_t i = 0; i < part.chunk_bytes.size(); ++i, ++key.number)
      verification.add(key, part.chunk_bytes[i], part.chunk_hash[i]);
  }
  return verification.finish(options_.warn);
}

void CassandraStore::remove(std::uint64_t version) {
  const auto row = tables_.row(version);
  if (!row || (row->state != kPublished && row->state != kDeleting))
    manifest(version);  // its error
  ChunkSet chunks = chunks_of(tables_, *row);
  const auto change = [&](std::string_view from, std::string_view to) {
    const bool done = change_row(
        tables_,
        fmt::format("UPDATE {} SET state = '{}' WHERE name = ? AND version = ? IF state = '{}'",
                    tables_.datasets(), to, from),
        cql::Values().view(tables_.name()).bigint(static_cast<std::int64_t>(version)), version,
        true, [&](const std::optional<VersionRow>& now) { return now && now->state == to; });
    if (!done) {
      throw Error(ErrorCode::kConflict, fmt::format("{}: version {} is changed by another process",
                                                    tables_.where(), version));
    }
  };
  // From here on no reader opens it; a removal that is cut off is taken up by the next one.
  if (row->state == kPublished) change(kPublished, kDeleting);
  for (const auto& other : tables_.rows()) {
    if (other.state == kWriting) {
      throw Error(ErrorCode::kConflict,
                  fmt::format("{}: version {} is being written by {} and may build on what is to "
                              "be removed; try again when it has ended",
                              tables_.where(), other.version, other.owner));
    }
    if (other.state != kPublished) continue;
    for (const auto& used : chunks_of(tables_, other)) chunks.erase(used);
  }
  remove_chunks(tables_, {chunks.begin(), chunks.end()});
  remove_manifest(tables_, version);
  change(kDeleting, kDeleted);
}

}  // namespace ringfeed::cassandra
