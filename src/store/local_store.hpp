// A data set in a local folder: Arrow IPC files and a manifest per version (docs/format.md).
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/store.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "store/local_layout.hpp"

namespace ringfeed {

struct LocalStoreOptions {
  /// A file is closed when the next chunk would make it longer (1 to 2^40); it holds at least one
  /// chunk.
  std::uint64_t part_bytes = std::uint64_t{64} << 20;
};

class LocalStore final : public Store {
 public:
  /// `folder` need not exist.
  explicit LocalStore(std::string folder, LocalStoreOptions options = {});

  std::vector<std::uint64_t> versions() override;
  Manifest manifest(std::uint64_t version) override;
  std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                      const ColumnPlaces& columns, int workers) override;
  std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) override;
  std::uint64_t verify(const Manifest& manifest,
                       const std::function<void(std::uint64_t bytes)>& progress) override;
  void remove(std::uint64_t version) override;
  std::vector<std::uint64_t> half_removed() override;
  std::vector<UnfinishedVersion> unfinished() override;

 private:
  LocalLayout layout_;
  LocalStoreOptions options_;
};

/// The manifest of a version of the data set there. Errors as Store::manifest.
Manifest read_manifest(const LocalLayout& layout, std::uint64_t version);

/// Every byte of the file of a part against the manifest, and what the bytes say: the columns of
/// the file and the samples of each chunk. `progress` gets the bytes of each piece. Throws
/// Error{kBadData} that names the file and the place.
void verify_part(const LocalLayout& layout, const Manifest& manifest, const Part& part,
                 std::string_view where, const std::function<void(std::uint64_t bytes)>& progress);

}  // namespace ringfeed
