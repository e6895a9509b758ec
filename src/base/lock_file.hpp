// A lock that one process of a host holds on a folder: a file with its owner's name, which the
// system lets go of when the process ends, however that happens.
#pragma once

#include <string>
#include <string_view>

#include "base/file.hpp"
#include "base/folder.hpp"

namespace ringfeed {

class LockFile {
 public:
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
