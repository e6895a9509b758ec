// Versions and removal; reading, writing and the check of every copy are in files of their own.
#include "store/cassandra/store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "store/cassandra/chunk_backend.hpp"
#include "store/cassandra/chunk_verify.hpp"
#include "store/cassandra/claim.hpp"
#include "store/cassandra/peers.hpp"
#include "store/cassandra/reader.hpp"
#include "store/cassandra/stored_chunks.hpp"
#include "store/group_reader.hpp"
#include "store/version_protocol.hpp"

namespace ringfeed::cassandra {
namespace {

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

std::vector<UnfinishedVersion> CassandraStore::unfinished() {
  std::vector<UnfinishedVersion> found;
  for (const auto& row : tables_.rows()) {
    if (row.state == kWriting)
      found.push_back({row.version, row.owner, row.leased && Owner::may_live(row.owner)});
  }
  return found;
}

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
                                                    std::string_view split,
                                                    const ColumnPlaces& columns, int workers) {
  return read_groups(tables_.where(), manifest, split, columns, [&](std::uint32_t group) {
    return std::make_unique<Reader>(tables_, options_, manifest, split, group, workers);
  });
}

std::unique_ptr<VersionWriter> CassandraStore::write(const WriteIntent& intent, OnStep on_step) {
  return std::make_unique<VersionProtocol>(
      std::make_unique<ChunkBackend>(tables_, options_, std::move(on_step)), options_.part_bytes,
      intent);
}

std::uint64_t CassandraStore::verify(const Manifest& manifest,
                                     const std::function<void(std::uint64_t bytes)>& progress) {
  return verify_copies(manifest, progress, false);
}

std::uint64_t CassandraStore::repair(const Manifest& manifest,
                                     const std::function<void(std::uint64_t bytes)>& progress) {
  return verify_copies(manifest, progress, true);
}

std::uint64_t CassandraStore::verify_copies(
    const Manifest& manifest, const std::function<void(std::uint64_t bytes)>& progress,
    bool repair) {
  if (this->manifest(manifest.version) != manifest) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the manifest of version {} is not the one that was opened; a "
                            "published version never changes: restore table {}",
                            tables_.where(), manifest.version, tables_.manifests()));
  }
  for (const auto& line : unverified_peers(tables_.session(), tables_.where())) {
    if (options_.warn) options_.warn(line);
  }
  return verify_chunks(tables_, manifest,
                       {options_.read_bytes_under_way, repair, progress, options_.warn});
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
  // A table that somebody has dropped holds nothing to remove.
  if (tables_.has_chunks()) remove_chunks(tables_, {chunks.begin(), chunks.end()});
  if (tables_.has_manifests()) remove_manifest(tables_, version);
  change(kDeleting, kDeleted);
}

}  // namespace ringfeed::cassandra
