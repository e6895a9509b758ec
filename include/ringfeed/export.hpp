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

/// Form of the files.
enum class ExportFormat : std::uint8_t {
  kParquet,  ///< a file SPLIT.parquet for each split
  kMds,      ///< a folder SPLIT for each split, with index.json and shard files
};

/// Returns the format called "parquet" or "mds". Throws Error{kInvalidArgument} that lists them.
ExportFormat export_format_from_name(std::string_view name);

/// Options of export_dataset().
struct ExportOptions {
  ExportFormat format = ExportFormat::kParquet;  ///< form of the files
  std::vector<std::string> columns = {};         ///< columns, in this order; empty: all
  /// Called with the bytes that were read, and of how many, of all splits.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  std::stop_token stop = {};  ///< request to stop: Error{kCancelled}; nothing is left behind
};

/// A split that was written.
struct ExportedSplit {
  std::string split;          ///< its name
  std::uint64_t samples = 0;  ///< samples in it
};

/// Result of export_dataset().
struct ExportResult {
  std::uint64_t version = 0;          ///< version of the data set
  std::vector<ExportedSplit> splits;  ///< in the order of the manifest
  std::uint64_t bytes = 0;            ///< length of the files
};

/// Writes the split that the URL names, or all of its version, into a new folder, in storage order.
/// The folder appears whole or not at all: it is written beside `folder`. Errors: kConflict (it is
/// there), kNotFound (no folder to make it in), kNoSpace, those of Dataset::open() and BlockReader.
ExportResult export_dataset(std::string_view url, const std::string& folder,
                            const ExportOptions& options = {},
                            const ConnectionOptions& connection = {});

}  // namespace ringfeed
