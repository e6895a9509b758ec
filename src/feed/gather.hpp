// The gather: copies samples out of the blocks that are in memory into the contiguous columns of a
// batch. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/batch.hpp>
#include <ringfeed/store.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/lost_pages.hpp"
#include "dataset/chunk.hpp"
#include "feed/buffer_pool.hpp"
#include "feed/decoded_columns.hpp"
#include "feed/selection.hpp"

namespace ringfeed {

/// A sample in memory.
struct SampleSource {
  const OpenBlock* block;
  std::uint32_t row;
  std::uint64_t number = 0;  ///< in storage order, where a column is decoded
};

class Gather {
 public:
  /// `views` of the blocks are in the order of `columns`. `hashes`: hash each sample, too.
  Gather(DecodedColumns columns, std::shared_ptr<BufferPool> pool, bool hashes);

  /// Bytes of a batch's fixed-size columns.
  static std::size_t fixed_bytes(std::span<const ColumnSpec> columns,
                                 std::uint64_t samples) noexcept;

  void begin(std::uint64_t samples, const Draws& draws = {});
  void append(std::span<const SampleSource> sources);
  /// The columns of the batch; begin() said how many samples were appended.
  std::vector<Column> finish();
  /// One per sample, as docs/ledger.md has it.
  std::vector<std::uint64_t> take_hashes() { return std::move(hashes_); }

 private:
  struct Varying {
    std::vector<std::int64_t> offsets;
    std::vector<std::byte> data;
  };
  /// Of the next samples; empty when there are none to make.
  std::span<std::uint64_t> hashes_of(std::size_t samples) {
    return with_hashes_ ? std::span(hashes_).subspan(filled_, samples) : std::span<std::uint64_t>();
  }
  const std::vector<ColumnSpec>& columns() const noexcept { return decoded_.columns(); }
  void append_fixed(std::size_t column, std::span<const SampleSource> sources);
  void append_bits(std::size_t column, std::span<const SampleSource> sources);
  void append_decoded(std::size_t column, std::span<const SampleSource> sources,
                      const LostPages& lost);
  void append_varying(std::size_t column, std::span<const SampleSource> sources);

  DecodedColumns decoded_;
  Draws draws_;
  std::shared_ptr<BufferPool> pool_;
  bool with_hashes_;
  std::vector<std::uint64_t> hashes_;  ///< of the columns so far
  std::uint64_t samples_ = 0;
  std::uint64_t filled_ = 0;
  std::shared_ptr<std::byte> fixed_;
  std::vector<std::byte*> fixed_data_;             ///< per column; null for a varying one
  std::vector<std::shared_ptr<Varying>> varying_;  ///< per column; null for a fixed one
  std::vector<const std::byte*> from_;
};

}  // namespace ringfeed
