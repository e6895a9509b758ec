// Makes and fills a row table: one INSERT per sample, hundreds under way at once, each tried until
// it is stored. Ids are a function of what is ingested, so who does it again writes the same rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/cassandra/row_table.hpp"
#include "store/cassandra/writes.hpp"
#include "store/rows/column.hpp"

namespace ringfeed::cassandra {

/// What a writer needs of the store.
struct RowTarget {
  std::shared_ptr<const cql::Session> session;
  Url url;
  std::shared_ptr<RowConsistency> consistency;
  std::vector<std::uint64_t> versions;     ///< of the index
  std::optional<Manifest> published = {};  ///< there is an index of this very ingest
  std::uint64_t missing = 0;               ///< rows of it that are gone
  /// Throws Error when rows that are stored could not be read by this column.
  std::function<void(const std::string& split_column)> try_split_column;
  /// Attaches the table when so many rows are stored. Throws Error{kBadData} when fewer are there.
  std::function<Manifest(const std::vector<rows::RowColumn>& columns,
                         const std::string& split_column, std::uint64_t rows)>
      attach;
};

class RowWriter final : public VersionWriter {
 public:
  RowWriter(RowTarget target, const WriteIntent& intent, Store::OnStep on_step);

  std::uint64_t version() const override;
  bool published() const override { return target_.published.has_value(); }
  const std::vector<ColumnPlaces>& groups() const override { return groups_; }
  std::uint64_t missing() const override { return target_.missing; }
  /// None: rows that an earlier try has stored are written again, with the same bytes.
  std::uint64_t stored_row_groups() const override { return 0; }
  void put(std::string_view split, std::span<const Chunk> chunks,
           const std::vector<ColumnRange>& ranges) override;
  void set_permutation(std::string_view) override {}
  Manifest publish() override;

 private:
  /// A row on its way.
  struct Pending {
    std::vector<std::string> cells;
    std::uint64_t bytes = 0;
  };

  void make_table();
  void fit_table(const RowTable& table);
  void check_free(const RowTable& table) const;
  void create() const;
  void send(std::uint64_t number, cql::Queue& answers) const;
  void take_answer();
  void try_again(std::uint64_t number, const cql::Failure& failure);
  void step(std::string_view name) const;

  RowTarget target_;
  const WriteIntent intent_;
  const std::vector<ColumnPlaces> groups_;  ///< one of all columns: a row is stored as one
  const Store::OnStep on_step_;
  const Tables tables_;
  const std::string table_name_;  ///< quoted, with the keyspace
  std::vector<rows::RowColumn> columns_;
  std::string split_column_;  ///< empty: there is one split

  std::optional<cql::Statement> insert_;
  Writes writes_;
  std::uint64_t next_row_ = 0;
  std::map<std::uint64_t, Pending> pending_;  ///< by number of the sample
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t window_rows_;  ///< most rows under way: halved on overload, grown again
  bool stored_any_ = false;
};

}  // namespace ringfeed::cassandra
