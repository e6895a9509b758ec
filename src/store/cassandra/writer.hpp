// Writes one version into Cassandra: many chunks under way at once, each tried until it is stored,
// slowed down when the server asks for it. Killed at any point, the same intent goes on behind the
// last part that is in the journal. Of a version that is published already it puts back what is
// gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/store.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/cassandra/claim.hpp"
#include "store/cassandra/store.hpp"
#include "store/cassandra/stored_chunks.hpp"
#include "store/cassandra/tables.hpp"
#include "store/cassandra/writes.hpp"

namespace ringfeed::cassandra {

class Writer final : public VersionWriter {
 public:
  Writer(Tables tables, const CassandraStoreOptions& options, const WriteIntent& intent,
         Store::OnStep on_step);

  std::uint64_t version() const override { return manifest_.version; }
  bool published() const override { return published_; }
  std::uint64_t missing() const override { return missing_.size() + (remakes_ ? 1 : 0); }
  std::uint64_t stored_chunks() const override { return stored_chunks_; }
  bool has_chunk(std::uint64_t number) const override;
  void put(std::string_view split, const Chunk& chunk,
           const std::vector<ColumnRange>& ranges) override;
  void begin_part() override;
  void set_permutation(std::string_view permutation) override;
  Manifest publish() override;

 private:
  /// A chunk on its way.
  struct Pending {
    std::shared_ptr<const arrow::Buffer> bytes;
    std::uint64_t hash = 0;
    std::size_t part = 0;  ///< in manifest_.parts
  };

  bool plan(const WriteIntent& intent);
  /// The intent is published, and its manifest is lost: all of it is written again.
  bool plan_anew(const WriteIntent& intent, std::span<const VersionRow> rows);
  Manifest manifest_of(const VersionRow& row) const;
  void prepare();
  void look_at_published();
  void recover();
  void put_back(const Chunk& chunk);
  void enqueue(std::uint64_t number, Pending pending);
  void check_stored();
  Manifest publish_repaired();
  cql::Values values_of(std::uint64_t number) const;
  void send(std::uint64_t number, cql::Queue& answers) const;
  /// False: none came.
  bool take_answer(std::chrono::milliseconds timeout);
  void try_again(std::uint64_t number, const cql::Failure& failure);
  void write_journal();
  void wait_for_all();
  std::uint32_t write_manifest();
  void step(std::string_view name) const;

  const Tables tables_;
  const CassandraStoreOptions options_;
  const Store::OnStep on_step_;
  Manifest manifest_;
  std::size_t base_parts_ = 0;
  std::size_t journal_parts_ = 0;  ///< of manifest_.parts, those in the journal (and the base)
  bool published_ = false;
  bool remakes_ = false;                ///< the manifest of a published version
  std::vector<ChunkPlace> places_;      ///< of a published version's own chunks
  std::vector<std::uint64_t> missing_;  ///< of them, ascending
  std::size_t put_back_ = 0;            ///< of the missing ones
  std::uint64_t stored_chunks_ = 0;
  std::uint64_t next_chunk_ = 0;
  bool keeps_parts_ = false;  ///< begin_part() says where they begin
  bool begins_part_ = false;  ///< it was called, and no chunk has come since
  std::optional<Claim> claim_;

  std::optional<cql::Statement> insert_;
  std::optional<cql::Statement> insert_piece_;
  Writes writes_;
  std::map<std::uint64_t, Pending> pending_;  ///< by chunk number
  std::map<std::size_t, std::uint64_t> pending_of_part_;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t window_bytes_;  ///< most bytes under way: halved on overload, grown again
};

}  // namespace ringfeed::cassandra
