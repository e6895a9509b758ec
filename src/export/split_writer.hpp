// What a format is to the export: something that takes the samples of a split, block by block.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/schema.hpp>
#include <string>

namespace arrow {
class RecordBatch;
}

namespace ringfeed {

class SplitWriter {
 public:
  virtual ~SplitWriter() = default;

  /// `batch` has the columns of the schema (Schema::to_arrow()); `bytes` is about what it takes.
  /// Throws Error, kNoSpace among them.
  virtual void write(const std::shared_ptr<arrow::RecordBatch>& batch, std::uint64_t bytes) = 0;
  /// Makes durable what was written; the bytes of its files.
  virtual std::uint64_t end() = 0;
};

/// Where a split is written, and what that stands for: errors name it.
struct SplitPath {
  std::string path;
  std::string told_as;
};

/// One file.
std::unique_ptr<SplitWriter> make_parquet_writer(const SplitPath& path, const Schema& schema);

/// A folder, which it makes.
std::unique_ptr<SplitWriter> make_mds_writer(const SplitPath& path, const Schema& schema);

}  // namespace ringfeed
