// Writes an Arrow IPC file whose record batches are encoded chunks, byte for byte, and keeps the
// checksums of all it writes.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/chunk.hpp>
#include <ringfeed/manifest.hpp>
#include <string>
#include <vector>

namespace arrow {
class Schema;
}

namespace ringfeed {

class ArrowFileWriter {
 public:
  /// Makes (or empties) the file at `path` and writes the head.
  ArrowFileWriter(const std::string& path, const std::shared_ptr<arrow::Schema>& schema);
  ~ArrowFileWriter();
  ArrowFileWriter(const ArrowFileWriter&) = delete;
  ArrowFileWriter& operator=(const ArrowFileWriter&) = delete;

  /// Writes the encoded bytes; `ranges` are as in VersionWriter::put.
  void add(const Chunk& chunk, const std::vector<ColumnRange>& ranges);
  /// Writes the tail; sync() and part() are all that may follow.
  void finish();
  /// Returns when the bytes are durable.
  void sync();

  /// Of what is in the file; its name and split are the caller's to set.
  const Part& part() const noexcept;
  std::uint64_t bytes() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringfeed
