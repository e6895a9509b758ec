// Writes one version into Cassandra: many chunks under way at once, each tried until it is stored,
// slowed down when the server asks for it. Killed at any point, the same intent goes on behind the
// last run that is in the journal. Of a version that is published already it puts back what is
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
#include <string_view>
#include <vector>

#include "store/cassandra/claim.hpp"
#include "store/cassandra/store.hpp"
#include "store/cassandra/stored_chunks.hpp"
#include "store/cassandra/tables.hpp"
#include "store/cassandra/writes.hpp"
#include "store/version_backend.hpp"

namespace ringfeed::cassandra {

class ChunkBackend final : public VersionBackend {
 public:
  /// Makes the tables unless they are there.
  ChunkBackend(Tables tables, const CassandraStoreOptions& options, Store::OnStep on_step);

  VersionPlan plan(const WriteIntent& intent) override;
  void look_at_published(const VersionPlan& plan) override;
  std::span<const std::uint64_t> missing() const override { return missing_; }
  void begin(const VersionPlan& plan) override;
  void abandon() override;
  std::vector<RowRun> recover(Manifest& manifest) override;
  void open(Part& part, std::uint64_t in_split, std::uint64_t first_row_group) override;
  void append(const Part& part, const Chunk& chunk) override;
  void seal(RowRun& run) override;
  void publish(const Manifest& manifest) override;
  void put_back(std::span<const Chunk> chunks) override;
  void publish_repaired(const Manifest& manifest, bool remakes) override;

 private:
  /// A chunk on its way.
  struct Pending {
    std::shared_ptr<const arrow::Buffer> bytes;
    std::uint64_t hash = 0;
    std::size_t run = 0;  ///< of this try
  };

  void prepare();
  /// The places of a part that begins with this row group.
  PartKeys keys_of(std::uint32_t group, std::uint64_t row_group) const;
  /// Plans to write all of it again, where the intent is published and its manifest is lost.
  std::optional<VersionPlan> plan_anew(const WriteIntent& intent,
                                       std::span<const VersionRow> rows) const;
  Manifest manifest_of(const VersionRow& row) const;
  void enqueue(std::uint64_t number, Pending pending);
  void check_stored(const Manifest& manifest);
  cql::Values values_of(std::uint64_t number) const;
  void send(std::uint64_t number, cql::Queue& answers) const;
  /// False: none came.
  bool take_answer(std::chrono::milliseconds timeout);
  void try_again(std::uint64_t number, const cql::Failure& failure);
  void write_journal();
  void wait_for_all();
  std::uint32_t write_manifest(const Manifest& manifest);
  void step(std::string_view name) const;

  const Tables tables_;
  const CassandraStoreOptions options_;
  const Store::OnStep on_step_;
  std::uint64_t version_ = 0;
  std::size_t base_parts_ = 0;  ///< of the version that is appended to
  std::size_t groups_ = 0;      ///< of columns: chunk g of row group i has the number i groups_ + g
  std::map<std::uint64_t, std::uint64_t>
      gone_;                            ///< hash of a published version's chunks, by number
  std::vector<std::uint64_t> missing_;  ///< their row groups, ascending
  std::size_t put_back_ = 0;            ///< of the missing ones
  std::optional<Claim> claim_;
  Manifest subject_;                ///< of the journal's lines
  std::int32_t journal_lines_ = 0;  ///< that are there
  std::size_t sealed_runs_ = 0;     ///< of this try
  std::deque<RowRun> sealed_;       ///< the last of them, which are not in the journal yet

  std::optional<cql::Statement> insert_;
  std::optional<cql::Statement> insert_piece_;
  Writes writes_;
  std::map<std::uint64_t, Pending> pending_;  ///< by chunk number
  std::map<std::size_t, std::uint64_t> pending_of_run_;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t window_bytes_;  ///< most bytes under way: halved on overload, grown again
};

}  // namespace ringfeed::cassandra
