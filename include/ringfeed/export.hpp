// A data set as files that others read: Parquet, or the shards of MosaicML Streaming
// (docs/export.md).
#pragma once

#include <cstdint>
#include <functional>
#include <ringfeed/connection.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

enum class ExportFormat : std::uint8_t {
  kParquet,  ///< a file SPLIT.parquet for each split
  kMds,      ///< a folder SPLIT for each split, with index.json and shard files
};

/// "parquet" or "mds". Throws Error{kInvalidArgument} that lists them.
ExportFormat export_format_from_name(std::string_view name);

struct ExportOptions {
  ExportFormat format = ExportFormat::kParquet;
  std::vector<std::string> columns = {};  ///< in this order; empty: all
  /// Bytes that were read, and of how many, of all splits.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  std::stop_token stop = {};  ///< asked to stop: Error{kCancelled}; nothing is left behind
};

struct ExportedSplit {
  std::string split;
  std::uint64_t samples = 0;
};

struct ExportResult {
  std::uint64_t version = 0;
  std::vector<ExportedSplit> splits;
  std::uint64_t bytes = 0;  ///< of the files
};

/// Writes the split that the URL names, or all of its version, into a new folder, in storage order.
/// The folder appears whole or not at all: it is written beside `folder`. Errors: kConflict (it is
/// there), kNotFound (no folder to make it in), kNoSpace, those of Dataset::open() and BlockReader.
ExportResult export_dataset(std::string_view url, const std::string& folder,
                            const ExportOptions& options = {},
                            const ConnectionOptions& connection = {});

}  // namespace ringfeed
