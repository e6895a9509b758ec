// A published data set opened for reading: one split of one version.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ringfeed/manifest.hpp>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Split of a published version, opened for reading. Thread-safe; it never changes.
class Dataset {
 public:
  /// Opens a version. `url` may say ?split= and ?version=; without them: train (or the only split
  /// there is), and the newest version. Throws Error: kInvalidArgument (URL), kNotFound (data set,
  /// version or split; it names those there are), kBadData (a damaged manifest). `connection` is
  /// for cassandra://.
  static std::shared_ptr<const Dataset> open(std::string_view url,
                                             const ConnectionOptions& connection = {});
  /// Opens a version in a store of the caller's own; `url` only names it in messages. An empty
  /// `split`: train, or the only one there is.
  static std::shared_ptr<const Dataset> open(std::shared_ptr<Store> store, std::string url,
                                             std::optional<std::uint64_t> version,
                                             std::string_view split);

  /// Opens the split that the URL names, or all splits of its version. Throws as open() does.
  static std::vector<std::shared_ptr<const Dataset>> open_splits(
      std::string_view url, const ConnectionOptions& connection = {});

  /// The same version with another split. Throws Error{kNotFound} that names the splits there are.
  std::shared_ptr<const Dataset> with_split(std::string_view split) const;
  /// Returns whether the version has a split of this name.
  bool has_split(std::string_view split) const noexcept;

  const std::string& url() const noexcept { return url_; }
  const std::string& split() const noexcept { return split_; }
  const Manifest& manifest() const noexcept { return *manifest_; }
  const Schema& schema() const noexcept { return manifest_->schema; }
  std::uint64_t version() const noexcept { return manifest_->version; }
  /// Samples in this split.
  std::uint64_t size() const noexcept { return samples_; }
  /// Bytes of this split's chunks.
  std::uint64_t bytes() const noexcept { return bytes_; }
  /// Lineage of the rows, the same for each version and copy that has these samples under these
  /// numbers (Manifest::lineage).
  std::uint64_t lineage() const noexcept { return manifest_->lineage; }

  /// Makes a reader of its blocks, or of these columns of them, whose `workers` threads decode and
  /// check, 1 to 256 (Store::reader).
  std::unique_ptr<BlockReader> reader(int workers, const ColumnPlaces& columns = {}) const;

 private:
  Dataset() = default;
  void open_version(std::shared_ptr<Store> store, std::string url,
                    std::optional<std::uint64_t> version);
  void choose(std::string_view split);
  std::string url_;
  std::string split_;
  std::uint64_t samples_ = 0;
  std::uint64_t bytes_ = 0;
  std::shared_ptr<Store> store_;
  std::shared_ptr<const Manifest> manifest_;
};

}  // namespace ringfeed
