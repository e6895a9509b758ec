// The lock has a name of its own: checkpoints, which have another, may lie in the same folder.
#include "cli/output_folder.hpp"

#include <unistd.h>

#include <ringfeed/error.hpp>

#include "base/file.hpp"

namespace ringfeed::cli {
namespace {

constexpr const char* kLock = ".output.lock";

}  // namespace

OutputFolder::OutputFolder(const std::string& path) : folder_(path), made_(make_folders(path)) {
  try {
    lock_.emplace(folder_, kLock,
                  "trains into this folder now; wait until it has ended, or choose another folder");
  } catch (const Error&) {
    remove_if_empty();
    throw;
  }
}

OutputFolder::~OutputFolder() {
  try {
    lock_->remove();
  } catch (const Error&) {
    // The file stays, which nobody holds.
  }
  remove_if_empty();
}

void OutputFolder::remove_if_empty() const {
  if (made_) ::rmdir(folder_.path().c_str());  // fails where something is in it
}

}  // namespace ringfeed::cli
