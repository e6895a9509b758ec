// Checking and deleting whole data sets, by URL.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ringfeed/connection.hpp>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Options of verify().
struct VerifyOptions {
  bool repair = false;  ///< Store::repair() instead of Store::verify()
  /// Called with the bytes checked in one version, and their total.
  std::function<void(std::uint64_t version, std::uint64_t done, std::uint64_t total)> progress = {};
  std::stop_token stop = {};  ///< request to stop: Error{kCancelled}
};

/// Result of verify().
struct VerifyResult {
  std::vector<std::uint64_t> versions;  ///< versions that were checked
  std::uint64_t bytes = 0;
  /// Values that are NaN or infinite in the versions that admit them; nothing where none of them
  /// does.
  std::optional<std::uint64_t> not_finite = {};
};

/// Checks every byte of all versions (of ?version= alone, when the URL names one) against its
/// checksums; the rows of a table against its newest index. Where NaN and infinity are admitted all
/// samples are read once more to count them. Errors: those of Dataset::open(), Store::verify() and
/// Store::repair().
VerifyResult verify(std::string_view url, const VerifyOptions& options = {},
                    const ConnectionOptions& connection = {});

/// Returns the versions that remove() takes: all (?version= alone, when the URL names one), and
/// those whose removal was cut off. Errors: those of Dataset::open().
std::vector<std::uint64_t> removable_versions(std::string_view url,
                                              const ConnectionOptions& connection = {});

/// Deletes these versions. The same call goes on after a request to stop, which is
/// Error{kCancelled}. Errors: those of Store::remove().
void remove(std::string_view url, std::span<const std::uint64_t> versions,
            const ConnectionOptions& connection = {}, const std::stop_token& stop = {});

}  // namespace ringfeed
