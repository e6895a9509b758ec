// Samples by their number, and a whole split as Arrow: for looking at a data set and handing it on.
// Training reads through a Feed.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/batch.hpp>
#include <ringfeed/dataset.hpp>
#include <span>
#include <string>
#include <vector>

struct ArrowArrayStream;  // of Arrow's C stream interface

namespace ringfeed {

/// Reads samples by numbers that count from 0 in storage order. Thread-safe: calls take turns.
class Samples {
 public:
  /// Makes a reader of `columns`, in this order; empty: all. The blocks read last stay in memory,
  /// up to `cache_bytes` (at least one block does). Throws Error{kInvalidArgument} for an unknown
  /// column.
  explicit Samples(std::shared_ptr<const Dataset> dataset, std::vector<std::string> columns = {},
                   std::uint64_t cache_bytes = std::uint64_t{64} << 20);
  ~Samples();

  /// Reads samples as one batch, in this order; a number may stand there several times. Throws
  /// Error{kInvalidArgument} for a number that is not below Dataset::size(), and the errors of
  /// BlockReader.
  Batch read(std::span<const std::uint64_t> numbers);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The first `n` samples in storage order (all when there are fewer) as one batch of these columns;
/// empty: of all.
Batch load(std::string_view url, std::uint64_t n, const std::vector<std::string>& columns = {},
           const ConnectionOptions& connection = {});

/// Exports the samples of the split, or of a part of it, in storage order, a record batch per
/// block, read ahead. `to` is filled in, and owned by the caller. Throws Error{kInvalidArgument}
/// for an unknown column or a part out of its bounds; what goes wrong while reading is an error of
/// the stream, with the text of the Error.
void export_arrow(std::shared_ptr<const Dataset> dataset, const std::vector<std::string>& columns,
                  ArrowArrayStream* to, const SplitPart& part = {});

}  // namespace ringfeed
