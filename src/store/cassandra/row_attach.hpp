// Makes the index of a row table: one pass over its keys, several token ranges at once.
#pragma once

#include <cstdint>
#include <ringfeed/row_table.hpp>
#include <string>
#include <vector>

#include "store/cassandra/row_table.hpp"
#include "store/rows/index.hpp"

namespace ringfeed::cassandra {

/// What rows take, by a few of them from all around the ring.
struct RowSample {
  std::uint64_t rows = 0;           ///< looked at
  double bytes_mapped = 0;          ///< of a sample in a batch, on average
  double bytes_on_server_most = 0;  ///< of all columns of one row
  double rows_total = 0;            ///< in the table, roughly
};

RowSample sample_rows(const RowTable& table, const rows::RowIndex& index,
                      RowConsistency& consistency);

/// The index of the table as it is, without a version.
rows::RowIndex make_index(const RowTable& table, const AttachOptions& options,
                          RowConsistency& consistency);

/// The same for columns that are known. `split_column`: empty for none.
rows::RowIndex make_index_of(const RowTable& table, const std::vector<rows::RowColumn>& columns,
                             const std::string& split_column, RowConsistency& consistency);

/// Throws Error when the server refuses to read rows by a column that names their split.
void try_split_column(const RowTable& table, const std::string& split_column);

}  // namespace ringfeed::cassandra
