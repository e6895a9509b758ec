// Each part of a name is opened by itself, relative to the one before (openat, O_NOFOLLOW).
#include "base/folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ringfeed/error.hpp>

#include "base/system_error.hpp"

namespace ringfeed {
namespace {

/// Closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { reset(-1); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return number_; }
  void reset(int number) noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

 private:
  int number_;
};

/// The folder in which the last part of a name is, held open.
class Parent {
 public:
  /// With `makes`, folders that are missing on the way are made.
  Parent(const Folder& folder, std::string_view name, bool makes = false)
      : descriptor_(::open(folder.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
        path_(folder.path()) {
    if (descriptor_.get() < 0) throw_system_error(errno, path_);
    if (!is_name_below(name)) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: '{}' is outside of this folder; do not use it unless you know "
                              "who made it",
                              path_, name));
    }
    for (auto slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/')) {
      const std::string part(name.substr(0, slash));
      if (makes) make(part, path_ + "/" + part);
      enter(part);
      name.remove_prefix(slash + 1);
    }
    last_ = name;
    path_ += "/" + last_;
  }

  int descriptor() const noexcept { return descriptor_.get(); }
  const char* last() const noexcept { return last_.c_str(); }
  const std::string& path() const noexcept { return path_; }

  /// Makes a folder of the last part. True when this call made it.
  bool make() const { return make(last_, path_); }
  /// Whether the last part is a folder. Throws for what is no folder, but is there.
  bool is_folder() const { return is_folder(last_, path_); }

 private:
  bool make(const std::string& part, const std::string& path) const {
    if (::mkdirat(descriptor(), part.c_str(), 0777) != 0) {
      if (errno == EEXIST) return false;
      throw_system_error(errno, path);
    }
    const int folder = ::openat(descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
      ::fsync(folder);  // some file systems have none for folders
      ::close(folder);
    }
    return true;
  }

  bool is_folder(const std::string& part, const std::string& path) const {
    struct stat status{};
    if (::fstatat(descriptor(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return false;
      throw_system_error(errno, path);
    }
    if (S_ISDIR(status.st_mode)) return true;
    throw_system_error(S_ISLNK(status.st_mode) ? ELOOP : ENOTDIR, path);
  }

  void enter(const std::string& part) {
    const int next =
        ::openat(descriptor(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next < 0) {
      const int error_number = errno;
      if (error_number == ENOTDIR) is_folder(part, path_ + "/" + part);
      throw_system_error(error_number, path_ + "/" + part);
    }
    descriptor_.reset(next);
    path_ += "/" + part;
  }

  Descriptor descriptor_;
  std::string path_;
  std::string last_;
};

}  // namespace

bool is_name_below(std::string_view name) noexcept {
  if (name.find('\0') != std::string_view::npos) return false;
  while (true) {
    const auto slash = name.find('/');
    const auto part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

std::string Folder::path_of(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

File Folder::open(std::string_view name, int flags, const std::string& told_as) const {
  const Parent parent(*this, name);
  const std::string& told = told_as.empty() ? parent.path() : told_as;
  const int descriptor = ::openat(parent.descriptor(), parent.last(),
                                  flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    if (errno == EEXIST) {
      throw Error(
          ErrorCode::kConflict,
          fmt::format("{}: the name is taken; remove what is there, or choose another place",
                      told));
    }
    throw_system_error(errno, told);
  }
  File file(descriptor, told);
  file.check_regular();
  return file;
}

File Folder::open_to_read(std::string_view name) const { return open(name, O_RDONLY); }

File Folder::open_to_append(std::string_view name) const {
  return open(name, O_RDWR | O_CREAT | O_APPEND);
}

File Folder::create_new(std::string_view name, const std::string& told_as) const {
  return open(name, O_RDWR | O_CREAT | O_EXCL, told_as);
}

std::string Folder::read_file(std::string_view name, std::uint64_t bytes_max) const {
  return open_to_read(name).read_whole(bytes_max);
}

bool Folder::has_folder(std::string_view name) const {
  try {
    const Parent parent(*this, name);
    return parent.is_folder();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    return false;
  }
}

bool Folder::make_folder(std::string_view name) const {
  const Parent parent(*this, name, /*makes=*/true);
  const bool made = parent.make();
  if (!made) parent.is_folder();
  return made;
}

bool Folder::rename_if_absent(std::string_view from, std::string_view to) const {
  const Parent before(*this, from);
  const Parent after(*this, to);
  if (::renameat2(before.descriptor(), before.last(), after.descriptor(), after.last(),
                  RENAME_NOREPLACE) == 0) {
    return true;
  }
  if (errno == EINVAL || errno == ENOSYS) {  // a file system without it
    if (::linkat(before.descriptor(), before.last(), after.descriptor(), after.last(), 0) == 0) {
      remove(from);
      return true;
    }
  }
  if (errno == EEXIST) return false;
  throw_system_error(errno, after.path());
}

void Folder::rename(std::string_view from, std::string_view to) const {
  const Parent before(*this, from);
  const Parent after(*this, to);
  if (::renameat(before.descriptor(), before.last(), after.descriptor(), after.last()) != 0)
    throw_system_error(errno, after.path());
}

bool Folder::remove(std::string_view name) const {
  const Parent parent(*this, name);
  if (::unlinkat(parent.descriptor(), parent.last(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw_system_error(errno, parent.path());
}

bool Folder::remove_folder(std::string_view name) const {
  const Parent parent(*this, name);
  if (::unlinkat(parent.descriptor(), parent.last(), AT_REMOVEDIR) == 0) return true;
  if (errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) return false;
  throw_system_error(errno, parent.path());
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string temporary_folder() {
  const char* const folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/tmp";
}

std::string random_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof(number), 0) != sizeof(number))
    throw_system_error(errno, "a random name");
  return fmt::format("{:016x}", number);
}

bool is_random_name(std::string_view name) noexcept {
  return name.size() == 16 && std::ranges::all_of(name, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace ringfeed
