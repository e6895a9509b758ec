// flock on a file whose name may be removed by its last holder: who gets the lock looks whether the
// name still leads to it.
#include "base/lock_file.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ringfeed/error.hpp>

#include "base/system_error.hpp"

namespace ringfeed {
namespace {

constexpr int kAttemptsMax = 1000;
constexpr std::uint64_t kOwnerBytesMax = 128;

bool still_named(const File& file) {
  struct stat named{};
  struct stat held{};
  if (::fstat(file.descriptor(), &held) != 0) throw_system_error(errno, file.path());
  return ::lstat(file.path().c_str(), &named) == 0 && named.st_ino == held.st_ino &&
         named.st_dev == held.st_dev;
}

std::string own_name() {
  char host[HOST_NAME_MAX + 1] = {};
  ::gethostname(host, HOST_NAME_MAX);
  return fmt::format("{} on {}", ::getpid(), host);
}

[[noreturn]] void throw_held(const Folder& folder, const std::string& name, std::string_view does) {
  std::string owner;
  try {
    owner = folder.read_file(name, kOwnerBytesMax);
  } catch (const Error&) {
    // Gone by now, or not to be read by us: the message does without the name.
  }
  const bool readable = std::ranges::all_of(owner, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ' ||
           c == '-' || c == '.' || c == '_';
  });
  throw Error(
      ErrorCode::kConflict,
      fmt::format("{}: {} {}", folder.path(),
                  readable && !owner.empty() ? "process " + owner : "another process", does));
}

File acquire(const Folder& folder, const std::string& name, std::string_view does) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    try {
      make_folders(folder.path());
      if (const auto slash = name.rfind('/'); slash != std::string::npos)
        folder.make_folder(name.substr(0, slash));
      File file = folder.open_to_append(name);
      if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) throw_held(folder, name, does);
        if (errno == EINTR) continue;
        throw_system_error(errno, file.path());
      }
      if (!still_named(file)) continue;
      file.resize(0);
      file.write(own_name());
      return file;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound)
        throw;  // its last holder removed the folder just now
    }
  }
  throw_held(folder, name, does);
}

}  // namespace

LockFile::LockFile(const Folder& folder, const std::string& name, std::string_view does)
    : folder_(folder), name_(name), file_(acquire(folder, name, does)) {}

void LockFile::remove() const { folder_.remove(name_); }

}  // namespace ringfeed
