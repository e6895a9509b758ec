// The gather: copies samples out of the blocks that are in memory into the contiguous columns of a
// batch. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/batch.hpp>
#include <ringfeed/store.hpp>
#include <span>
#include <vector>

#include "dataset/chunk.hpp"
#include "feed/buffer_pool.hpp"
#include "feed/selection.hpp"

namespace ringfeed {

/// A sample in memory.
struct SampleSource {
  const OpenBlock* block;
  std::uint32_t row;
};

class Gather {
 public:
  /// `views` of the blocks are in the order of `columns`.
  Gather(std::vector<ColumnSpec> columns, std::shared_ptr<BufferPool> pool);

  /// Bytes of a batch's fixed-size columns.
  std::size_t fixed_bytes(std::uint64_t samples) const noexcept;

  void begin(std::uint64_t samples);
  void append(std::span<const SampleSource> sources);
  /// The columns of the batch; begin() said how many samples were appended.
  std::vector<Column> finish();

 private:
  struct Varying {
    std::vector<std::int64_t> offsets;
    std::vector<std::byte> data;
  };
  void append_fixed(std::size_t column, std::span<const SampleSource> sources);
  void append_bits(std::size_t column, std::span<const SampleSource> sources);
  void append_varying(std::size_t column, std::span<const SampleSource> sources);

  std::vector<ColumnSpec> columns_;
  std::shared_ptr<BufferPool> pool_;
  std::uint64_t samples_ = 0;
  std::uint64_t filled_ = 0;
  std::shared_ptr<std::byte> fixed_;
  std::vector<std::byte*> fixed_data_;             ///< per column; null for a varying one
  std::vector<std::shared_ptr<Varying>> varying_;  ///< per column; null for a fixed one
  std::vector<const std::byte*> from_;
};

}  // namespace ringfeed
