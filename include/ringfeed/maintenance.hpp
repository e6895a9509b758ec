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

struct VerifyOptions {
  bool repair = false;  ///< Store::repair() instead of Store::verify()
  /// Bytes checked so far, and of how many, in one version.
  std::function<void(std::uint64_t version, std::uint64_t done, std::uint64_t total)> progress = {};
  std::stop_token stop = {};  ///< asked to stop: Error{kCancelled}
};

struct VerifyResult {
  std::vector<std::uint64_t> versions;  ///< that were checked
  std::uint64_t bytes = 0;
  /// Values that are NaN or infinite in the versions that admit them; nothing: none of them does.
  std::optional<std::uint64_t> not_finite = {};
};

/// Checks every byte of all versions (of ?version= alone, when the URL names one) against its
/// checksums; the rows of a table against its newest index. Where NaN and infinity are admitted all
/// samples are read once more to count them. Errors: those of Dataset::open(), Store::verify() and
/// Store::repair().
VerifyResult verify(std::string_view url, const VerifyOptions& options = {},
                    const ConnectionOptions& connection = {});

/// What remove() takes: all versions (?version= alone, when the URL names one), those too whose
/// removal was cut off. Errors: those of Dataset::open().
std::vector<std::uint64_t> removable_versions(std::string_view url,
                                              const ConnectionOptions& connection = {});

/// Deletes these versions. Asked to stop: Error{kCancelled}, and the same call goes on. Errors:
/// those of Store::remove().
void remove(std::string_view url, std::span<const std::uint64_t> versions,
            const ConnectionOptions& connection = {}, const std::stop_token& stop = {});

}  // namespace ringfeed
