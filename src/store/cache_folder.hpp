// A folder of files that may be lost at any time: bounded in size, shared by the processes of a
// host. A torn or damaged file counts as not there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace ringfeed {

/// A file of the folder, whole.
struct CachedFile {
  std::shared_ptr<const MappedFile> file;
  std::uint64_t bytes = 0;  ///< of what was kept: the first of the file
  std::string_view view() const noexcept { return file->bytes().substr(0, bytes); }
};

/// Thread-safe.
class CacheFolder {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// Never fails: a folder that cannot be used is warned of, and stays empty. `bytes_max` 0: as
  /// much as the disk takes.
  CacheFolder(std::string path, std::uint64_t bytes_max, Warn warn);
  ~CacheFolder();
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  const std::string& path() const noexcept { return path_; }
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

  void open();
  void clean() const;
  bool reserve(std::uint64_t size) noexcept;
  /// False: it was there, and is not to be replaced.
  bool write(const std::string& name, std::string_view bytes, bool replaces);
  void turn_off(const std::exception& error) noexcept;

  const std::string path_;
  const std::uint64_t bytes_max_;
  const Warn warn_;
  std::optional<File> lock_;
  Shared* shared_ = nullptr;  ///< null: nothing is kept
  std::atomic<bool> off_ = false;
};

}  // namespace ringfeed
