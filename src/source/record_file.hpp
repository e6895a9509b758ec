// A file of records in typed columns, batch by batch: what Parquet files, Arrow files and MDS
// shards have in common.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "source/projection.hpp"

namespace ringfeed {

/// Bytes of records after which a batch ends, where their sizes are not known before.
inline constexpr std::uint64_t kRecordBatchBytes = std::uint64_t{16} << 20;

class RecordFile {
 public:
  virtual ~RecordFile() = default;

  /// For errors.
  virtual const std::string& path() const = 0;
  virtual const std::vector<TypedColumn>& columns() const = 0;
  /// An estimate, in memory.
  virtual std::uint64_t row_bytes() const = 0;

  /// Before the first read(). `columns` are places in columns(), ascending.
  virtual void start(const std::vector<std::size_t>& columns, std::int64_t batch_rows) = 0;

  /// The next records, one array per column that was chosen; empty at the end. Nulls are left as
  /// they are. `faults` gets what is wrong with rows, whose values are then undefined.
  virtual arrow::ArrayVector read(RowFaults& faults) = 0;

  /// How much of it was read: 0 to 1.
  virtual double share_read() const = 0;
};

}  // namespace ringfeed
