// The statements that read the rows of a table in its own order: by tokens, or along a partition;
// and what their columns are. The same for the pass that makes the index and for reading blocks.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/cassandra/row_table.hpp"

namespace ringfeed::cassandra {

/// Which columns a query asks for.
struct RowColumns {
  std::vector<std::string> names;         ///< as selected; the key's are the first
  std::size_t partition = 0;              ///< columns of the partition key
  std::size_t clustering = 0;             ///< then those of clustering
  std::vector<std::size_t> mapped;        ///< place of each mapped column
  std::optional<std::size_t> split = {};  ///< place of the split's column

  RowColumns(const std::vector<rows::KeyColumn>& partition_key,
             const std::vector<rows::KeyColumn>& clustering_key,
             const std::vector<std::string>& mapped_names,
             const std::optional<std::string>& split_column);
  std::size_t key() const noexcept { return partition + clustering; }

 private:
  std::size_t place(const std::string& name);
};

/// All columns of the table that the samples of an index are read by.
std::vector<std::string> read_names(const rows::RowIndex& index);

/// False for what a partition with static columns alone gives: a row without clustering. `columns`
/// are those of the page from its cell `first` on.
inline bool is_real_row(const cql::Rows& page, std::size_t row, const RowColumns& columns,
                        std::size_t first = 0) {
  return columns.clustering == 0 || page.cell(row, first + columns.partition).has_value();
}

/// "a=1, b='x'": cells of the key, or of the partition key.
std::string key_text(const rows::RowIndex& index, std::span<const std::string_view> key);

/// Reads the blocks of one split. Thread-safe.
class RowQuery {
 public:
  /// Reads these of the index's columns. `split`: only rows with this text in the index's split
  /// column.
  RowQuery(const RowTable& table, const rows::RowIndex& index,
           const std::vector<rows::RowColumn>& columns, const std::optional<std::string>& split);

  const RowColumns& columns() const noexcept { return columns_; }
  /// The statement of a block and its values, which point into the block and the query.
  std::pair<cql::Statement, cql::Values> of(const rows::RowBlock& block) const;
  /// What is behind WHERE: the same for all blocks of one shape.
  std::string condition(const rows::RowBlock& block) const;

 private:
  /// How the rows of other splits are kept out.
  enum class SplitBy {
    kNothing,  ///< there is one split, or the partition is of one
    kEqual,    ///< the split is the first clustering column: its rows lie side by side
    kBounds,   ///< likewise, of a part of them: the bounds of the run say it
    kFilter,   ///< the server looks at each row
  };
  SplitBy split_by(const rows::RowBlock& block) const;

  const RowTable& table_;
  const rows::RowIndex& index_;
  const std::optional<std::string> split_;
  RowColumns columns_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, cql::Statement, std::less<>> prepared_;  ///< by condition
};

/// Asks one block of each shape for a row. Throws Error when the server refuses a statement by
/// which the rows are read later; what may pass is no refusal.
void try_queries(const RowTable& table, const rows::RowIndex& index);

}  // namespace ringfeed::cassandra
