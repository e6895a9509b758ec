// Writes an Arrow IPC file whose record batches are encoded chunks, byte for byte, and tells the
// checksums of what it writes around them.
#pragma once

#include <memory>
#include <ringfeed/chunk.hpp>
#include <ringfeed/manifest.hpp>
#include <string>

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

  /// Of what is in front of the first chunk.
  const Frame& head() const noexcept;
  /// Writes the encoded bytes.
  void add(const Chunk& chunk);
  /// Writes the tail, and returns what it is; sync() is all that may follow.
  Frame finish();
  /// Returns when the bytes are durable.
  void sync();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringfeed
