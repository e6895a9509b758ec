// The work folder goes with the lock.
#include "store/local_lock.hpp"

namespace ringfeed {

LocalLock::LocalLock(const LocalLayout& layout)
    : made_folder_(make_folders(layout.folder())),
      file_(layout.root(), std::string(LocalLayout::kLock),
            "writes this data set now; wait until it has ended, then try again") {}

void LocalLock::remove(const LocalLayout& layout) {
  file_.remove();
  // What is not empty is the next writer's already.
  layout.root().remove_folder(LocalLayout::kWork);
}

}  // namespace ringfeed
