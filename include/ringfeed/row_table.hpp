// Row tables: tables of Cassandra with one row per sample, read in place. Attaching one makes its
// index, a file of this machine; from then on its URL is a data set's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ringfeed/connection.hpp>
#include <ringfeed/manifest.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/store.hpp>
#include <ringfeed/url.hpp>
#include <stop_token>
#include <string>
#include <vector>

namespace ringfeed {

/// Progress of attach().
struct AttachProgress {
  std::uint64_t rows = 0;  ///< rows seen
  double share = 0;        ///< part of the ring
};

/// Options of attach().
struct AttachOptions {
  /// Columns of the table that a sample has, in this order; empty: all but the key's.
  std::vector<std::string> columns = {};
  /// Columns that a sample has not, in the place of `columns`.
  std::vector<std::string> drop = {};
  /// Tensors of one column each: a blob (little-endian, row-major), a vector or a list.
  std::vector<TensorSpec> tensors = {};
  /// Text column that names the split of each row; empty: the only split is train. It is known of a
  /// table that an ingest made.
  std::string split_column = {};
  /// Makes digests of the values too, which notices values that are changed in place; the pass then
  /// reads them.
  bool digest_values = false;
  /// Takes NaN and infinity as values like others. Without it a row that has one is an error when
  /// it is read.
  bool allow_nan = false;
  /// Size of a block to aim for, 4 KiB to 64 MiB.
  std::uint64_t block_bytes = std::uint64_t{2} << 20;
  std::function<void(const AttachProgress&)> progress = {};
  std::stop_token stop = {};  ///< request to stop: Error{kCancelled}, and no index is written
};

/// Result of attach().
struct AttachResult {
  Manifest manifest;  ///< manifest that Dataset::manifest() will give
  std::string path;   ///< path of the index
};

/// Makes a new version of the table's index in ConnectionOptions::index_dir; needs SELECT on the
/// table alone. Throws Error: kNotFound (keyspace or table), kInvalidArgument (an option, a column
/// whose type a sample cannot hold), kUnavailable, kTimeout, kPermission, kNoSpace, kCancelled.
AttachResult attach(const Url& url, const AttachOptions& options = {},
                    const ConnectionOptions& connection = {});

/// Opens the store whose write() makes and fills a row table and then attaches it. Its data set is
/// the one of open_store().
std::unique_ptr<Store> open_row_store(const Url& url, const ConnectionOptions& connection = {});

}  // namespace ringfeed
