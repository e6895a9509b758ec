// A folder of files that may be lost at any time: bounded in size, shared by the processes of a
// host. A torn or damaged file, or one under another's name, counts as not there. It is a folder of
// our own in the one that the user names: what else is in that one is neither counted nor touched.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/folder.hpp"
#include "base/lost_pages.hpp"

namespace ringfeed {

/// A file of the folder, whole.
struct CachedFile {
  std::shared_ptr<const MappedFile> file;
  std::uint64_t bytes = 0;      ///< of what was kept: the first of the file
  std::uint64_t name_hash = 0;  ///< of the name that it was kept under
  std::string_view view() const noexcept { return file->bytes().substr(0, bytes); }
};

/// Thread-safe.
class CacheFolder {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// A folder that cannot be used is warned of, and stays empty. `bytes_max` 0: as much as the disk
  /// takes. Throws Error{kInvalidArgument} where the path is no folder.
  CacheFolder(const std::string& path, std::uint64_t bytes_max, Warn warn);
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  /// Of our own folder.
  const std::string& path() const noexcept { return folder_.path(); }
  std::uint64_t bytes_max() const noexcept { return bytes_max_; }

  /// `name` is a path in the folder.
  std::optional<CachedFile> find(const std::string& name) const;
  /// Whether what was found is still as it was kept.
  static bool is_whole(const CachedFile& found) noexcept;
  /// Not for a file that is there already. False: there is no room for it.
  bool keep(const std::string& name, std::string_view bytes) noexcept;
  /// Whatever was there. Small files, which the bound leaves out.
  void replace(const std::string& name, std::string_view bytes) noexcept;
  void drop(const std::string& name) const noexcept;
  /// How many files there are in a folder of it.
  std::uint64_t count(const std::string& folder) const noexcept;
  /// Tells the user, once for all processes that share the folder now.
  void warn_once(const std::string& text) noexcept;

 private:
  struct Shared;  // in memory that all processes see

  void open(const std::string& path);
  void lock();
  void begin();
  void clean() const;
  bool reserve(std::uint64_t size) noexcept;
  /// False: it was there, and is not to be replaced.
  bool write(const std::string& name, std::string_view bytes, bool replaces) const;
  void turn_off(const std::exception& error) noexcept;

  const Folder folder_;
  const std::uint64_t bytes_max_;
  const Warn warn_;
  std::optional<File> lock_;
  std::optional<FileMemory> memory_;
  Shared* shared_ = nullptr;  ///< null: nothing is kept
  std::atomic<bool> off_ = false;
};

}  // namespace ringfeed
