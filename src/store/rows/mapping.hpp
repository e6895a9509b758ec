// Which columns of a table a sample is made of.
#pragma once

#include <ringfeed/row_table.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/rows/column.hpp"

namespace ringfeed::rows {

struct TableColumn {
  std::string name;
  std::string type;
  bool key = false;
};

/// As the options say; without columns named, all but the key's and the split's. What an ingest
/// noted in the table's comment (dtypes and shapes that CQL cannot say) is kept. Throws
/// Error{kInvalidArgument}.
std::vector<RowColumn> map_columns(const std::vector<TableColumn>& table, std::string_view comment,
                                   const AttachOptions& options);

/// What an ingest notes in the comment of the table it makes.
struct TableNote {
  std::vector<RowColumn> columns;
  std::string split_column;       ///< empty: there is none
  std::uint64_t fingerprint = 0;  ///< of the ingest

  std::string text() const;
  /// Empty when the comment is none of ours.
  static TableNote parse(std::string_view comment);
};

}  // namespace ringfeed::rows
