// The index of a row table: what `attach` found, so that the rows have numbers. It says which rows
// make up each block, how many there are, and by which digest they are known again. Its text form
// is in docs/format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/manifest.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/rows/column.hpp"

namespace ringfeed::rows {

struct KeyColumn {
  std::string name;
  std::string type;         ///< as CQL writes it
  bool descending = false;  ///< of a clustering column
  bool operator==(const KeyColumn&) const = default;
};

/// Rows that are read at once: those of the tokens (after, upto], or a run of rows of one
/// partition.
struct RowBlock {
  std::int64_t after = 0;
  std::int64_t upto = 0;
  std::vector<std::string> partition;  ///< cells of the partition key; empty: all of the tokens
  /// Of a partition: the rows behind this clustering prefix, up to and with that one. Empty: from
  /// its first row, to its last.
  std::vector<std::string> behind;
  std::vector<std::string> last;
  std::uint32_t rows = 0;
  std::uint64_t bytes = 0;  ///< of its samples in a batch; estimated where sizes vary
  std::uint64_t digest = 0;
  bool operator==(const RowBlock&) const = default;
};

struct RowSplit {
  std::string name;
  std::vector<RowBlock> blocks;  ///< in the order of tokens, then of clustering
  bool operator==(const RowSplit&) const = default;
};

struct RowIndex {
  std::uint64_t version = 0;  ///< from 1
  std::string cluster;
  std::string keyspace;
  std::string table;
  std::string table_id;  ///< of system_schema.tables: another one is another table
  std::vector<KeyColumn> partition_key;
  std::vector<KeyColumn> clustering;
  std::vector<RowColumn> columns;
  std::optional<KeyColumn> split_column;  ///< its text names each row's split
  bool allow_nan = false;                 ///< NaN and infinity are values like others
  bool digest_values = false;             ///< digests are of the mapped columns' cells too
  std::uint64_t block_bytes = 0;          ///< that blocks were aimed at
  std::uint64_t fingerprint = 0;          ///< of the ingest that wrote the rows; 0: none did
  std::vector<RowSplit> splits;
  bool operator==(const RowIndex&) const = default;

  Schema schema() const;
  /// What the rest of Ringfeed sees of it: a part per split, a chunk per block.
  Manifest manifest() const;

  /// The document, checksum included; the same index gives the same bytes. Throws Error{kBadData}
  /// when a name is not UTF-8 text.
  std::string encode() const;
  /// The same, after it was decoded once as a reader will. Throws Error{kInternal} when it could
  /// not.
  std::string text_to_publish() const;
  /// Throws Error{kBadData} that starts with `where`. A text is accepted only when it is what
  /// encode() of the result gives.
  static RowIndex decode(std::string_view text, std::string_view where);
};

/// Longest text of an index.
inline constexpr std::uint64_t kIndexBytesMax = std::uint64_t{1} << 30;

/// A cell as a row's digest has it: its length as 4 bytes, little-endian (FFFFFFFF for a null), and
/// its bytes.
void append_to_digest(std::string& text, std::string_view cell);

}  // namespace ringfeed::rows
