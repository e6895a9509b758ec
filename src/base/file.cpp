// POSIX files, mapping and folder syncs.
#include "base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/folder.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

int open_or_throw(const std::string& path, int flags, const std::string& told) {
  while (true) {
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    if (descriptor >= 0) return descriptor;
    if (errno != EINTR) throw_system_error(errno, told);
  }
}

/// Of what is no regular file.
std::string_view special_kind(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  return S_ISFIFO(mode) ? "a FIFO" : "a device or socket";
}

[[noreturn]] void throw_no_folder(const std::string& path) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: it is no folder; choose another name, or move it away", path));
}

/// The name under which a file is written until it is whole. Throws when it would take the place of
/// what is no file.
std::string name_beside(const std::string& path) {
  struct stat status{};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (is_there && !S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} has this name, and a file would take its place; choose another "
                            "name",
                            path, special_kind(status.st_mode)));
  }
  return fmt::format("{}.tmp.{}", path.substr(path.rfind('/') + 1), random_name());
}

}  // namespace

File File::open_to_read(const std::string& path) {
  File file(open_or_throw(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, path), path);
  file.check_regular();
  return file;
}

File File::open_stream(const std::string& path) {
  return {open_or_throw(path, O_RDONLY, path), path};
}

File File::create(const std::string& path, const std::string& told_as) {
  const std::string& told = told_as.empty() ? path : told_as;
  return {open_or_throw(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, told), told};
}

File File::standard_output() {
  const int descriptor = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  if (descriptor < 0) throw_system_error(errno, "standard output");
  return {descriptor, "standard output"};
}

File File::open_to_append(const std::string& path) {
  return {open_or_throw(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, path), path};
}

File File::create_unnamed(const std::string& folder) {
  std::string path = folder + "/ringfeed-XXXXXX";
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) throw_system_error(errno, folder);
  File file(descriptor, folder);
  if (::unlink(path.c_str()) != 0) throw_system_error(errno, path);
  return file;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

std::uint64_t File::size() const {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) throw_system_error(errno, path_);
  return static_cast<std::uint64_t>(status.st_size);
}

void File::check_regular() const {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) throw_system_error(errno, path_);
  if (S_ISREG(status.st_mode)) return;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: {} stands where a file is due; remove it, or check the path", path_,
                          special_kind(status.st_mode)));
}

std::size_t File::read(char* to, std::size_t bytes) {
  while (true) {
    const auto got = ::read(descriptor_, to, bytes);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw_system_error(errno, path_);
  }
}

std::string File::read_whole(std::uint64_t bytes_max) {
  const std::uint64_t bytes = size();
  if (bytes > bytes_max) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}: {} bytes, which is over the limit of {}; it cannot be what it should be",
                    path_, bytes, bytes_max));
  }
  std::string text(bytes, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const std::size_t got = read(text.data() + filled, text.size() - filled);
    if (got == 0) break;
    filled += got;
  }
  text.resize(filled);
  return text;
}

void File::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EFBIG) {
        throw Error(
            ErrorCode::kNoSpace,
            fmt::format(
                "{}: the file would exceed the limit for one file; raise it (ulimit -f) or choose "
                "another place, then try again",
                path_));
      }
      throw_system_error(errno, path_);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void File::resize(std::uint64_t bytes) {
  if (::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0) throw_system_error(errno, path_);
  if (::lseek(descriptor_, 0, SEEK_END) < 0) throw_system_error(errno, path_);
}

void File::sync() {
  // After a failed fsync the system may drop the dirty pages, so trying again would prove nothing.
  if (::fsync(descriptor_) != 0) throw_system_error(errno, path_);
}

void File::start_sync() const noexcept {
  ::sync_file_range(descriptor_, 0, 0, SYNC_FILE_RANGE_WRITE);
}

void File::close() {
  if (::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR)
    throw_system_error(errno, path_);
}

std::shared_ptr<const MappedFile> MappedFile::map(const std::string& path) {
  return map(File::open_to_read(path));
}

std::shared_ptr<const MappedFile> MappedFile::map(const File& file) {
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) throw_system_error(errno, file.path());
  std::shared_ptr<MappedFile> mapped(new MappedFile());
  mapped->path_ = file.path();
  mapped->inode_ = status.st_ino;
  mapped->device_ = status.st_dev;
  if (status.st_size > 0)  // the system refuses to map nothing
    mapped->memory_.emplace(file, static_cast<std::size_t>(status.st_size), FileMemory::Use::kRead);
  return mapped;
}

bool MappedFile::is_whole() const noexcept {
  struct stat status{};
  if (::stat(path_.c_str(), &status) != 0) return true;  // the name is gone, the mapped file is not
  return status.st_ino != inode_ || status.st_dev != device_ ||
         static_cast<std::size_t>(status.st_size) >= size();
}

void MappedFile::will_need(std::size_t offset, std::size_t bytes) const noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = offset / page * page;
  if (begin >= size()) return;
  ::madvise(const_cast<std::byte*>(data()) + begin, std::min(size(), offset + bytes) - begin,
            MADV_WILLNEED);
}

std::string read_file(const std::string& path, std::uint64_t bytes_max) {
  return File::open_to_read(path).read_whole(bytes_max);
}

void sync_folder(const std::string& path) {
  const File folder = File::open_stream(path);
  // Some file systems have no sync for folders and say so; there is nothing else to do there.
  if (::fsync(folder.descriptor()) != 0 && errno != EINVAL) throw_system_error(errno, path);
}

void check_is_no_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) throw_no_folder(path);
    return;
  }
  if (::lstat(path.c_str(), &status) == 0) throw_no_folder(path);  // a link that leads nowhere
  if (parent_of(path) != path) check_is_no_file(parent_of(path));
}

bool make_folders(const std::string& path) {
  // More than once only while somebody else makes and removes the same folders.
  constexpr int kAttemptsMax = 100;
  int error_number = 0;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (::mkdir(path.c_str(), 0777) == 0) {
      sync_folder(parent_of(path));
      return true;
    }
    error_number = errno;
    struct stat status{};
    if (error_number == EEXIST) {
      if (::stat(path.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode)) return false;
        break;
      }
      if (errno != ENOENT) throw_system_error(errno, path);
    } else if ((error_number == ENOENT || error_number == ENOTDIR) && parent_of(path) != path) {
      make_folders(parent_of(path));
    } else {
      break;
    }
  }
  if (error_number != EEXIST) throw_system_error(error_number, path);
  throw_no_folder(path);
}

NewFile::NewFile(const std::string& path)
    : path_(path),
      folder_(parent_of(path)),
      name_(name_beside(path)),
      file_(Folder(folder_).create_new(name_, path)) {}

NewFile::~NewFile() {
  if (!published_) std::remove((folder_ + "/" + name_).c_str());
}

void NewFile::publish() {
  file_.sync();
  file_.close();
  if (std::rename((folder_ + "/" + name_).c_str(), path_.c_str()) != 0)
    throw_system_error(errno, path_);
  published_ = true;
  sync_folder(folder_);
}

void replace_file(const std::string& path, const std::function<void(File&)>& fill) {
  NewFile made(path);
  fill(made.file());
  made.publish();
}

}  // namespace ringfeed
