// flock on a file whose name may be removed by its last holder: who gets the lock looks whether the
// name still leads to it.
#include "base/lock_file.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
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

/// Of a process of this machine.
std::string owner_name(int pid) {
  char host[HOST_NAME_MAX + 1] = {};
  ::gethostname(host, HOST_NAME_MAX);
  return fmt::format("{} on {}", pid, host);
}

/// "123 on HOST", as owner_name() has it; empty for anything else.
std::string read_owner(const Folder& folder, const std::string& name) {
  const std::string owner = folder.read_file(name, kOwnerBytesMax);
  const bool readable = std::ranges::all_of(owner, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == ' ' ||
           c == '-' || c == '.' || c == '_';
  });
  return readable ? owner : "";
}

std::string in_words(const std::string& owner) {
  return owner.empty() ? "another process" : "process " + owner;
}

[[noreturn]] void throw_held(const Folder& folder, const std::string& name, std::string_view does) {
  std::string owner;
  try {
    owner = read_owner(folder, name);
  } catch (const Error&) {
    // Gone by now, or not to be read by us: the message does without the name.
  }
  throw Error(ErrorCode::kConflict, fmt::format("{}: {} {}", folder.path(), in_words(owner), does));
}

/// A lock that cannot be written, as on a full disk, leaves no file behind.
void name_owner(const Folder& folder, const std::string& name, File& file) {
  try {
    file.resize(0);
    file.write(owner_name(::getpid()));
  } catch (const Error&) {
    folder.remove(name);
    throw;
  }
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
      name_owner(folder, name, file);
      return file;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kNotFound)
        throw;  // its last holder removed the folder just now
    }
  }
  throw_held(folder, name, does);
}

}  // namespace

std::optional<LockOwner> LockFile::owner(const Folder& folder, const std::string& name) {
  std::string owner;
  try {
    owner = read_owner(folder, name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return std::nullopt;
  }
  int pid = 0;
  std::from_chars(owner.data(), owner.data() + owner.size(), pid);
  const bool is_of_here = pid > 0 && owner == owner_name(pid);
  return LockOwner{in_words(owner), !is_of_here || ::kill(pid, 0) == 0 || errno == EPERM};
}

LockFile::LockFile(const Folder& folder, const std::string& name, std::string_view does)
    : folder_(folder), name_(name), file_(acquire(folder, name, does)) {}

void LockFile::remove() const { folder_.remove(name_); }

}  // namespace ringfeed
