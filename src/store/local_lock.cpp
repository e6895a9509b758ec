// flock on a file whose name may be removed by its last holder: who gets the lock looks whether the
// name still leads to it.
#include "store/local_lock.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ringfeed/error.hpp>
#include <string>

#include "base/system_error.hpp"

namespace ringfeed {
namespace {

constexpr int kAttemptsMax = 1000;

bool still_named(const File& file) {
  struct stat named{};
  struct stat held{};
  if (::fstat(file.descriptor(), &held) != 0) throw_system_error(errno, file.path());
  return ::stat(file.path().c_str(), &named) == 0 && named.st_ino == held.st_ino &&
         named.st_dev == held.st_dev;
}

[[noreturn]] void throw_held(const LocalLayout& layout) {
  std::string holder;
  try {
    holder = read_file(layout.lock_path(), 32);
  } catch (const Error&) {
    // Gone by now, or not to be read by us: the message does without the number.
  }
  const bool number = !holder.empty() && std::all_of(holder.begin(), holder.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
  throw Error(
      ErrorCode::kConflict,
      fmt::format("{}: {} writes this data set now; wait until it has ended, then run the same "
                  "command again",
                  layout.folder(), number ? fmt::format("process {}", holder) : "another process"));
}

File acquire(const LocalLayout& layout) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    try {
      make_folders(layout.work_folder());
      File file = File::open_to_append(layout.lock_path());
      if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) throw_held(layout);
        if (errno == EINTR) continue;
        throw_system_error(errno, layout.lock_path());
      }
      if (!still_named(file)) continue;
      file.resize(0);
      file.write(std::to_string(::getpid()));
      return file;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound)
        throw;  // its last holder removed the folder just now
    }
  }
  throw_held(layout);
}

}  // namespace

LocalLock::LocalLock(const LocalLayout& layout)
    : made_folder_(make_folders(layout.folder())), file_(acquire(layout)) {}

void LocalLock::remove(const LocalLayout& layout) {
  if (::unlink(layout.lock_path().c_str()) != 0 && errno != ENOENT)
    throw_system_error(errno, layout.lock_path());
  // ENOTEMPTY: the next writer is there already, and the folder is its own now.
  if (::rmdir(layout.work_folder().c_str()) != 0 && errno != ENOENT && errno != ENOTEMPTY &&
      errno != EEXIST) {
    throw_system_error(errno, layout.work_folder());
  }
}

}  // namespace ringfeed
