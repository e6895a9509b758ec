// Where things are in the folder of a data set (docs/format.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder.hpp"

namespace ringfeed {

class LocalLayout {
 public:
  explicit LocalLayout(std::string folder) : folder_(std::move(folder)) {}

  // Names below the folder.
  static constexpr std::string_view kVersions = "versions";
  static constexpr std::string_view kData = "data";
  /// Exists only while a version is written, or after a writer died.
  static constexpr std::string_view kWork = ".ingest";
  static constexpr std::string_view kLock = ".ingest/lock";
  static constexpr std::string_view kJournal = ".ingest/journal.jsonl";
  static constexpr std::string_view kOpenManifest = ".ingest/manifest.json";
  static constexpr std::string_view kRemoved = "removed-";  ///< "removed-N.json", in kWork

  const std::string& folder() const noexcept { return folder_; }
  /// Opens and removes what is below it: the names in a manifest are not to be trusted.
  Folder root() const { return Folder(folder_); }
  /// Of the file of a column group that is being written.
  static std::string open_part_name(std::uint32_t group);
  static std::string manifest_name(std::uint64_t version);
  /// Of a manifest that was put aside for its removal.
  static std::string removed_name(std::uint64_t version);
  std::string manifest_path(std::uint64_t version) const;
  std::string versions_folder() const { return root().path_of(kVersions); }
  std::string data_folder() const { return root().path_of(kData); }
  std::string work_folder() const { return root().path_of(kWork); }
  std::string lock_path() const { return root().path_of(kLock); }
  std::string journal_path() const { return root().path_of(kJournal); }
  /// Names of the files that are being written, or were when a writer died.
  std::vector<std::string> open_parts() const;
  std::string open_manifest_path() const { return root().path_of(kOpenManifest); }

  /// Throws Error{kBadData} that starts with `where` when the name is not one below the folder of
  /// data.
  std::string part_path(std::string_view name, std::string_view where) const;

  /// Published versions, ascending; empty when the folder is missing.
  std::vector<std::uint64_t> versions() const;

 private:
  std::string folder_;
};

/// The number, when the text is exactly how it is written in a name (no sign, no zeros in front).
bool parse_version_number(std::string_view text, std::uint64_t& number) noexcept;

/// Of the data folder: "v3-00ff..." is where version 3 keeps its files.
bool is_parts_folder(std::string_view name, std::uint64_t& version) noexcept;

/// Names in a folder, sorted; empty when it is missing.
std::vector<std::string> names_in(const std::string& folder);

/// The numbers in names "BEFORE<number>AFTER" there, ascending.
std::vector<std::uint64_t> numbers_in(const std::string& folder, std::string_view before,
                                      std::string_view after);

}  // namespace ringfeed
