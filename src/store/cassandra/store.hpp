// A packed data set in Apache Cassandra: the same chunks as in a local folder, one per partition.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/cassandra/tables.hpp"

namespace ringfeed::cassandra {

struct CassandraStoreOptions {
  /// A writer that does not renew its claim for so long is taken for dead (at least 4 s).
  std::chrono::seconds lease{20};
  /// A part is written to the journal when the next chunk would make it longer: what a killed
  /// ingest does again at most.
  std::uint64_t part_bytes = std::uint64_t{64} << 20;
  /// Bound of the chunks that are under way to the server (at least one is).
  std::uint64_t write_bytes_under_way = std::uint64_t{32} << 20;
  /// The same from the server where it is near (InFlight).
  std::uint64_t read_bytes_under_way = std::uint64_t{32} << 20;
  /// Gets one line on what is wrong but was got over, e.g. a node with a corrupt copy. Called on
  /// any thread, one at a time.
  std::function<void(const std::string&)> warn = {};
};

class CassandraStore final : public Store {
 public:
  CassandraStore(std::shared_ptr<const cql::Session> session, const Url& url,
                 CassandraStoreOptions options = {});

  std::vector<std::uint64_t> versions() override;
  Manifest manifest(std::uint64_t version) override;
  std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                      const ColumnPlaces& columns, int workers) override;
  std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) override;
  std::uint64_t verify(const Manifest& manifest,
                       const std::function<void(std::uint64_t bytes)>& progress) override;
  std::uint64_t repair(const Manifest& manifest,
                       const std::function<void(std::uint64_t bytes)>& progress) override;
  void remove(std::uint64_t version) override;
  std::vector<std::uint64_t> half_removed() override;
  std::vector<UnfinishedVersion> unfinished() override;

 private:
  std::vector<std::uint64_t> versions_in(std::string_view state);
  std::uint64_t verify_copies(const Manifest& manifest,
                              const std::function<void(std::uint64_t bytes)>& progress,
                              bool repair);

  Tables tables_;
  CassandraStoreOptions options_;
};

/// The session and the store of a cassandra:// URL.
std::unique_ptr<Store> open_cassandra_store(const Url& url, const ConnectionOptions& connection);

/// URLs of the data sets in the keyspace (of the one data set, when the URL names it).
std::vector<std::string> list_cassandra_datasets(const Url& url,
                                                 const ConnectionOptions& connection);

/// "3", "dc1:3,dc2:2" or "simple:3" as CQL's map of replication. Throws Error{kInvalidArgument}.
std::string replication_map(std::string_view text);

void create_keyspace(const Url& url, const ConnectionOptions& connection,
                     std::string_view replication);

}  // namespace ringfeed::cassandra
