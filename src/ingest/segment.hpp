// The samples that are permuted together: record batches that lie in mapped files, the source's own
// or the spill's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/schema.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "dataset/chunk.hpp"

namespace ringfeed {

/// Where a sample of a segment is.
struct SamplePlace {
  std::uint32_t batch = 0;
  std::uint32_t row = 0;
};

class Segment {
 public:
  /// Samples in one segment at most: their numbers are 32 bits wide.
  static constexpr std::uint64_t kSamplesMax = UINT32_MAX;

  /// `spill_folder`: where batches are written to; nothing: they are in place already.
  Segment(Schema schema, const std::optional<std::string>& spill_folder);

  /// Rows of a batch that has the schema's columns.
  void add(std::shared_ptr<arrow::RecordBatch> batch);
  /// No more is added; the rest can be called now.
  void seal();
  void clear();

  std::uint64_t samples() const noexcept { return starts_.back(); }
  std::size_t batches() const noexcept { return starts_.size() - 1; }
  /// Number of the first sample of a batch.
  std::uint64_t first_of(std::size_t batch) const noexcept { return starts_[batch]; }
  /// One per column.
  const std::vector<ColumnView>& views(std::size_t batch) const noexcept { return views_[batch]; }
  void locate(std::span<const std::uint32_t> samples, std::vector<SamplePlace>& places) const;

 private:
  const Schema schema_;
  const std::shared_ptr<arrow::Schema> arrow_schema_;
  std::optional<File> spill_;
  std::uint64_t spilled_bytes_ = 0;
  std::vector<std::uint64_t> spill_offsets_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches_;
  std::vector<std::vector<ColumnView>> views_;
  std::vector<std::uint64_t> starts_ = {0};
  std::vector<std::uint32_t> coarse_;  ///< the batch of each 1,024th sample
};

/// What a sample takes: bytes in a batch of the feed.
class SampleSizes {
 public:
  explicit SampleSizes(const Schema& schema);
  /// Of the columns of fixed width.
  std::uint64_t fixed_bytes() const noexcept { return fixed_bytes_; }
  bool all_fixed() const noexcept { return varying_.empty(); }
  std::uint64_t bytes(const std::vector<ColumnView>& views, std::uint64_t row) const noexcept;

 private:
  std::uint64_t fixed_bytes_ = 0;
  std::vector<std::size_t> varying_;  ///< numbers of the columns
};

}  // namespace ringfeed
