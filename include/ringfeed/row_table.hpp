// Row tables: tables of Cassandra with one row per sample, read in place. Attaching one makes its
// index, a file of this machine; from then on its URL is that of a data set.
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

struct AttachProgress {
  std::uint64_t rows = 0;  ///< seen
  double share = 0;        ///< of the ring
};

struct AttachOptions {
  /// Columns of the table that a sample has, in this order; empty: all but the key's.
  std::vector<std::string> columns = {};
  /// Columns that a sample has not, in the place of `columns`.
  std::vector<std::string> drop = {};
  /// Each of one column: a blob (little-endian, row-major), a vector or a list.
  std::vector<TensorSpec> tensors = {};
  /// A text column that names the split of each row; empty: there is one split, train. Of a table
  /// that an ingest made it is known.
  std::string split_column = {};
  /// Digests are of the values too, so that values changed in place are noticed; the pass then
  /// reads them.
  bool digest_values = false;
  /// NaN and infinity are values like others. Without it a row that has one is an error when it is
  /// read.
  bool allow_nan = false;
  /// Size of a block to aim for (4 KiB to 64 MiB).
  std::uint64_t block_bytes = std::uint64_t{2} << 20;
  std::function<void(const AttachProgress&)> progress = {};
  std::stop_token stop = {};  ///< asked to stop: Error{kCancelled}, and no index is written
};

struct AttachResult {
  Manifest manifest;  ///< as Dataset::manifest() will give it
  std::string path;   ///< of the index
};

/// Makes a new version of the table's index in ConnectionOptions::index_dir; needs SELECT on the
/// table alone. Throws Error: kNotFound (keyspace or table), kInvalidArgument (an option, a column
/// whose type a sample cannot hold), kUnavailable, kTimeout, kPermission, kNoSpace, kCancelled.
AttachResult attach(const Url& url, const AttachOptions& options = {},
                    const ConnectionOptions& connection = {});

/// The store whose write() makes and fills a row table and then attaches it. Its data set is that
/// of open_store().
std::unique_ptr<Store> open_row_store(const Url& url, const ConnectionOptions& connection = {});

}  // namespace ringfeed
