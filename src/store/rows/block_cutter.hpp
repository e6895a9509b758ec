// Cuts the rows of a table, in the order of the ring, into blocks: token ranges that together cover
// the ring, and runs of clustering within a partition that is longer than a block.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "store/rows/index.hpp"

namespace ringfeed::rows {

/// A row as the index pass sees it; the cells are of no use after add().
struct SeenRow {
  std::int64_t token = 0;
  std::span<const std::string_view> partition;
  std::span<const std::string_view> clustering;
  std::span<const std::string_view> values;  ///< of the mapped columns; empty: not in the digest
  std::uint64_t bytes = 0;
};

class BlockCutter {
 public:
  /// `cut_columns`: a partition is cut only where the first so many clustering columns change.
  BlockCutter(std::uint64_t block_bytes, std::size_t cut_columns);

  /// Rows come in the order of token, partition key and clustering. Throws Error{kBadData} when one
  /// alone is too long.
  void add(const SeenRow& row);
  /// No row comes any more.
  std::vector<RowBlock> finish();

  std::uint64_t rows() const noexcept { return rows_; }

 private:
  /// A partition of the current token, or the run of it behind the last cut.
  struct Partition {
    std::vector<std::string> key;
    std::vector<std::string> behind;
    std::vector<std::string> last;  ///< the clustering prefix of the newest row
    std::string text;               ///< what is hashed
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
  };

  bool is_same_partition(const SeenRow& row) const;
  void cut_partition();
  void close_partition(Partition& partition);
  void close_token();
  void close_range(std::int64_t upto);
  void push(RowBlock block, std::uint64_t rows);

  const std::uint64_t block_bytes_;
  const std::size_t cut_columns_;
  std::vector<RowBlock> blocks_;
  std::uint64_t rows_ = 0;

  // The token range that grows.
  std::int64_t after_;
  std::int64_t last_token_;
  std::uint64_t range_rows_ = 0;
  std::uint64_t range_bytes_ = 0;
  Hasher range_hash_;

  // The partitions of the newest token: as a rule one.
  std::int64_t token_ = 0;
  std::vector<Partition> partitions_;
  bool wide_ = false;  ///< one of them was cut: each is a block of its own
};

}  // namespace ringfeed::rows
