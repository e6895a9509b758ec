// Copies a version of a data set from one store to another: the same chunks in the same parts, byte
// for byte. A row table becomes a packed data set with a chunk per block, in the same order.
#pragma once

#include <cstdint>
#include <functional>
#include <ringfeed/connection.hpp>
#include <ringfeed/manifest.hpp>
#include <ringfeed/store.hpp>
#include <stop_token>
#include <string_view>

namespace ringfeed {

/// Options of copy().
struct CopyOptions {
  /// Bound of the chunks that are read ahead (at least one is).
  std::uint64_t read_ahead_bytes = std::uint64_t{32} << 20;
  /// Called with the stage ("copying", then "verifying") and bytes.
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress =
      {};
  std::stop_token stop = {};  ///< request to stop: Error{kCancelled}; the same call goes on
};

/// Result of copy().
struct CopyResult {
  Manifest manifest;       ///< the copy's
  bool unchanged = false;  ///< it was there already
};

/// Copies the version of `manifest`, which is in `from`. Each chunk is checked when it is read, and
/// every byte of the copy once it is published. The same call goes on after a kill. Errors: those
/// of reading, of Store::write and of Store::verify.
CopyResult copy(Store& from, const Manifest& manifest, Store& to, const CopyOptions& options);

/// Copies by URLs; ?version= of the first chooses what is copied.
CopyResult copy(std::string_view from, std::string_view to, const CopyOptions& options,
                const ConnectionOptions& from_connection = {},
                const ConnectionOptions& to_connection = {});

}  // namespace ringfeed
