// Versions and their check; reading, attaching and writing are in row_reader.cpp, row_attach.cpp
// and row_writer.cpp.
#include "store/cassandra/row_store.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/option.hpp"
#include "store/cassandra/open.hpp"
#include "store/cassandra/peers.hpp"
#include "store/cassandra/row_attach.hpp"
#include "store/cassandra/row_query.hpp"
#include "store/cassandra/row_verify.hpp"
#include "store/cassandra/row_writer.hpp"
#include "store/cassandra/store.hpp"

namespace ringfeed::cassandra {
namespace {

std::string plain_text(const Url& url) {
  Url plain = url;
  plain.split.reset();
  plain.version.reset();
  return plain.text();
}

std::uint64_t rows_of(const rows::RowIndex& index) {
  std::uint64_t count = 0;
  for (const auto& split : index.splits) {
    for (const auto& block : split.blocks) count += block.rows;
  }
  return count;
}

}  // namespace

RowStore::RowStore(std::shared_ptr<const cql::Session> session, const Url& url,
                   const ConnectionOptions& options, bool to_fill)
    : session_(std::move(session)),
      url_(url),
      options_(options),
      to_fill_(to_fill),
      where_(plain_text(url)),
      consistency_(std::make_shared<RowConsistency>(options.read_consistency, options.warn)),
      write_consistency_(options.write_consistency ? std::make_shared<RowConsistency>(
                                                         options.write_consistency, options.warn)
                                                   : consistency_) {}

const RowTable& RowStore::table() {
  if (table_ == nullptr) table_ = std::make_shared<const RowTable>(session_, url_);
  return *table_;
}

rows::IndexFolder RowStore::folder() {
  if (cluster_.empty()) cluster_ = cluster_of(*session_, where_);
  return {rows::index_root(options_.index_dir), cluster_, url_.keyspace, url_.name};
}

bool RowStore::is_attached() {
  try {
    return !folder().versions().empty();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    return false;  // there is no place for indexes
  }
}

std::vector<std::uint64_t> RowStore::versions() {
  auto versions = folder().versions();
  if (versions.empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("{}: this table is not attached (there is no index of it in {}); run: {}",
                    where_, folder().path(), table().attach_line()));
  }
  return versions;
}

void RowStore::check_version(std::uint64_t version) {
  const auto there = versions();
  if (std::ranges::find(there, version) != there.end()) return;
  throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no version {}; the versions are {}",
                                                where_, version, fmt::join(there, ", ")));
}

std::shared_ptr<const rows::RowIndex> RowStore::index(std::uint64_t version) {
  check_version(version);
  auto index = std::make_shared<rows::RowIndex>(folder().read(version));
  const auto& of = table();
  const bool same_keys =
      index->partition_key == of.partition_key() && index->clustering == of.clustering();
  if (index->table_id != of.id() || !same_keys) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the table was made anew since version {} was attached; attach "
                            "again: {}",
                            where_, version, of.attach_line()));
  }
  for (const auto& column : index->columns) {
    const auto found = std::ranges::find(of.columns(), column.name, &RowTable::Column::name);
    if (found != of.columns().end() && found->type == column.type) continue;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: the table has no column {} of type {} any more; attach again: {}",
                            where_, column.name, column.type, of.attach_line()));
  }
  of.check_unmasked(read_names(*index));
  return index;
}

Manifest RowStore::manifest(std::uint64_t version) { return index(version)->manifest(); }

RowSource RowStore::source(std::shared_ptr<const rows::RowIndex> index) const {
  return {table_, std::move(index), where_, consistency_};
}

std::unique_ptr<BlockReader> RowStore::reader(const Manifest& manifest, std::string_view split,
                                              const ColumnPlaces& columns, int workers) {
  return std::make_unique<RowReader>(source(index(manifest.version)), split, columns, workers);
}

std::uint64_t RowStore::verify(const Manifest& manifest,
                               const std::function<void(std::uint64_t bytes)>& progress) {
  const RowSource of = source(index(manifest.version));
  for (const auto& line : unverified_peers(*session_, where_)) {
    if (options_.warn) options_.warn(line);
  }
  std::uint64_t bytes = 0;
  for (const auto& split : manifest.splits) {
    bytes += verify_rows(of, split, [&](std::uint64_t done) {
      if (progress) progress(bytes + done);
    });
  }
  return bytes;
}

/// Whatever became of the table.
void RowStore::remove(std::uint64_t version) {
  check_version(version);
  folder().remove(version);
}

AttachResult RowStore::attach(const AttachOptions& options) {
  return add(make_index(table(), options, *consistency_));
}

AttachResult RowStore::add(rows::RowIndex index) {
  folder().add(index);
  return {index.manifest(), folder().path_of(index.version)};
}

/// By another pass over the keys.
std::uint64_t RowStore::rows_there(const rows::RowIndex& index) {
  const std::string split = index.split_column ? index.split_column->name : "";
  return rows_of(make_index_of(table(), index.columns, split, *consistency_));
}

/// A row that was stored may stay unseen: below a deletion that has a time to come.
void RowStore::check_stored(const rows::RowIndex& index, std::uint64_t rows) const {
  if (rows_of(index) >= rows) return;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: {} rows were stored and {} are there: rows were deleted meanwhile, "
                          "or the table has deletions with a time in the future, as a client with "
                          "a wrong clock makes; ingest into another table",
                          where_, rows, rows_of(index)));
}

std::unique_ptr<VersionWriter> RowStore::write(const WriteIntent& intent, OnStep on_step) {
  if (intent.overwrite) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: rows of a table are not replaced; delete the data set first, or "
                            "leave out {}",
                            where_, option_name("overwrite")));
  }
  if (!to_fill_ && !RowTable::exists(*session_, url_)) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: here is the index of a row table that is gone; delete it first, "
                            "or choose another name",
                            where_));
  }
  if (!to_fill_) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: this is a row table; add rows to it with {}, or choose another "
                            "name for a packed data set",
                            where_, option_name("layout", "rows")));
  }
  if (CassandraStore packed(session_, url_); !packed.versions().empty()) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: a packed data set has this name; choose another one", where_));
  }
  RowTarget target{session_, url_, write_consistency_, {}, {}, 0, {}, {}};
  bool allow_nan = intent.origin.allow_nan;
  if (RowTable::exists(*session_, url_)) {
    target.versions = folder().versions();
    if (!target.versions.empty()) {
      const auto newest = folder().read(target.versions.back());
      allow_nan |= newest.allow_nan;  // what was admitted once stays in it
      const bool same = newest.fingerprint == intent.origin.fingerprint;
      if (same && newest.table_id == table().id()) {
        target.published = newest.manifest();
        const std::uint64_t rows = rows_there(newest);
        target.missing = rows_of(newest) - std::min(rows_of(newest), rows);
      }
    }
  }
  target.try_split_column = [this](const std::string& split) {
    table_.reset();  // it may have been made just now
    cassandra::try_split_column(table(), split);
  };
  target.attach = [this, fingerprint = intent.origin.fingerprint, allow_nan](
                      const std::vector<rows::RowColumn>& columns, const std::string& split,
                      std::uint64_t rows) {
    table_.reset();  // it may have been made just now
    auto index = make_index_of(table(), columns, split, *consistency_);
    check_stored(index, rows);
    index.fingerprint = fingerprint;
    index.allow_nan = allow_nan;
    return add(std::move(index)).manifest;
  };
  return std::make_unique<RowWriter>(std::move(target), intent, std::move(on_step));
}

}  // namespace ringfeed::cassandra

namespace ringfeed {

AttachResult attach(const Url& url, const AttachOptions& options,
                    const ConnectionOptions& connection) {
  return cassandra::RowStore(cassandra::open_session(url, connection), url, connection, false)
      .attach(options);
}

std::unique_ptr<Store> open_row_store(const Url& url, const ConnectionOptions& connection) {
  return std::make_unique<cassandra::RowStore>(cassandra::open_session(url, connection), url,
                                               connection, true);
}

}  // namespace ringfeed
