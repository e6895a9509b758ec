// The lock that makes a writer the only one of a local data set. It is a file in the work folder,
// so a published data set has no trace of it.
#pragma once

#include "base/lock_file.hpp"
#include "store/local_layout.hpp"

namespace ringfeed {

class LocalLock {
 public:
  /// Makes the work folder. Throws Error{kConflict} that names the process which holds the lock.
  explicit LocalLock(const LocalLayout& layout);
  /// Removes the lock and the work folder, which must be empty but for it. Still holds the lock
  /// afterwards.
  void remove(const LocalLayout& layout);
  /// True when the data set's folder itself was made for this lock.
  bool made_folder() const noexcept { return made_folder_; }

 private:
  bool made_folder_;
  LockFile file_;
};

}  // namespace ringfeed
