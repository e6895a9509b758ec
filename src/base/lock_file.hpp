// A lock that one process of a host holds on a folder: a file with its owner's name, which the
// system lets go of when the process ends, however that happens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/folder.hpp"

namespace ringfeed {

/// Who holds a lock, or held it when it was cut off.
struct LockOwner {
  std::string text;       ///< "process 123 on HOST"; "another process" where the file does not say
  bool may_live = false;  ///< it is another machine's, or a process of this number runs here
};

class LockFile {
 public:
  /// Who the file names, without touching the lock; nothing when there is no file.
  static std::optional<LockOwner> owner(const Folder& folder, const std::string& name);

  /// Makes the file, and the folders on the way to it. Throws Error{kConflict} while another holds
  /// it: "FOLDER: process 123 on HOST " and then `does`, which says what it does and the remedy.
  LockFile(const Folder& folder, const std::string& name, std::string_view does);

  /// Removes the file, and still holds the lock.
  void remove() const;

 private:
  Folder folder_;
  std::string name_;
  File file_;
};

}  // namespace ringfeed
