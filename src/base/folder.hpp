// Names below a folder that others may have filled: paths of a manifest, a checkpoint, a ledger or
// a cache. No link is followed on the way from the folder to a name, and what is opened is a
// regular file, so that nothing outside of the folder is read, written or removed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace ringfeed {

/// True for a path that stays below its folder: not empty or absolute, no empty part, no "." or
/// "..", no zero byte.
bool is_name_below(std::string_view name) noexcept;

/// The folder's own path may lead over links: the user named it. Every `name` is one for which
/// is_name_below() is true, or the call throws Error{kBadData}; as it does where a link, or
/// anything else that is not due there, stands in the way.
class Folder {
 public:
  explicit Folder(std::string path) : path_(std::move(path)) {}

  const std::string& path() const noexcept { return path_; }
  std::string path_of(std::string_view name) const;

  /// Throws Error{kNotFound} where there is no such file.
  File open_to_read(std::string_view name) const;
  /// Makes the file when it is not there; writes go to its end.
  File open_to_append(std::string_view name) const;
  /// Throws Error{kConflict} when the name is taken, by whatever it is. Errors of the file name
  /// `told_as`, where it is not empty: what a temporary name stands for.
  File create_new(std::string_view name, const std::string& told_as = "") const;
  /// The whole file. Throws Error{kBadData} when it is longer than `bytes_max`.
  std::string read_file(std::string_view name, std::uint64_t bytes_max) const;

  /// False when there is nothing of this name.
  bool has_folder(std::string_view name) const;
  /// Makes the folder and those above it that are missing, durably. True when this call made it.
  bool make_folder(std::string_view name) const;

  /// Gives a file another name, durably but for the sync of its folder; false when that name is
  /// taken (and left as it is).
  bool rename_if_absent(std::string_view from, std::string_view to) const;
  /// The same, in the place of what has that name.
  void rename(std::string_view from, std::string_view to) const;

  /// Removes a file, or a link itself; false when there is none.
  bool remove(std::string_view name) const;
  /// Removes a folder that is empty; false when it is not, or not there.
  bool remove_folder(std::string_view name) const;

 private:
  File open(std::string_view name, int flags, const std::string& told_as = "") const;

  std::string path_;
};

/// The folder that a path is in, by its text: "." for a name alone.
std::string parent_of(const std::string& path);

/// Where temporary files go: TMPDIR, else /tmp.
std::string temporary_folder();

/// A name that nobody can foresee: 16 hexadecimal digits.
std::string random_name();
/// True for what random_name() may have given.
bool is_random_name(std::string_view name) noexcept;

}  // namespace ringfeed
