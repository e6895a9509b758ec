// Each file ends with the XXH3-64 of what stands before it. It is written under another name and
// renamed, without a sync: what a crash of the machine tears is found by its hash.
//
// How much there is stands in memory that the processes share, a mapped file under a shared lock.
// Who finds no other process with the lock counts anew, and removes what killed ones left behind.
#include "store/cache_folder.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/hash.hpp"
#include "base/system_error.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = ".cache";
constexpr std::string_view kUnfinished = ".tmp.";
constexpr std::size_t kHashBytes = 8;

std::string hash_text(std::string_view bytes) {
  const std::uint64_t hash = hash_bytes(bytes);
  std::string text(kHashBytes, '\0');
  std::memcpy(text.data(), &hash, kHashBytes);
  return text;
}

}  // namespace

struct CacheFolder::Shared {
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint64_t> warned;  ///< hash of the last warning
};

CacheFolder::CacheFolder(std::string path, std::uint64_t bytes_max, Warn warn)
    : path_(std::move(path)), bytes_max_(bytes_max), warn_(std::move(warn)) {
  try {
    open();
  } catch (const std::exception& error) {
    turn_off(error);
  }
}

CacheFolder::~CacheFolder() {
  if (shared_ != nullptr) ::munmap(static_cast<void*>(shared_), sizeof(Shared));
}

void CacheFolder::open() {
  make_folders(path_);
  lock_ = File::open_to_append(path_ + "/" + kLockName);
  const bool alone = ::flock(lock_->descriptor(), LOCK_EX | LOCK_NB) == 0;
  if (!alone && ::flock(lock_->descriptor(), LOCK_SH) != 0)
    throw_system_error(errno, lock_->path());
  if (lock_->size() < sizeof(Shared)) lock_->resize(sizeof(Shared));
  void* const memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED,
                              lock_->descriptor(), 0);
  if (memory == MAP_FAILED) throw_system_error(errno, lock_->path());
  shared_ = static_cast<Shared*>(memory);
  if (!alone) return;
  shared_->bytes = 0;
  shared_->warned = 0;
  clean();
  ::flock(lock_->descriptor(), LOCK_SH);
}

void CacheFolder::clean() const {
  for (const auto& entry : fs::recursive_directory_iterator(path_)) {
    if (!entry.is_regular_file() || entry.path().filename() == kLockName) continue;
    if (entry.path().filename().string().find(kUnfinished) != std::string::npos) {
      fs::remove(entry.path());
    } else {
      shared_->bytes += entry.file_size();
    }
  }
}

std::optional<CachedFile> CacheFolder::find(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  std::shared_ptr<const MappedFile> file;
  try {
    file = MappedFile::map(path);
  } catch (const Error&) {
    return std::nullopt;
  }
  if (file->size() >= kHashBytes) {
    CachedFile found{file, file->size() - kHashBytes};
    file->will_need(0, file->size());
    if (is_whole(found)) return found;
  }
  drop(name);
  return std::nullopt;
}

bool CacheFolder::is_whole(const CachedFile& found) noexcept {
  std::uint64_t hash = 0;
  std::memcpy(&hash, found.file->data() + found.bytes, kHashBytes);
  return found.file->is_whole() && hash_bytes(found.view()) == hash;
}

bool CacheFolder::keep(const std::string& name, std::string_view bytes) noexcept {
  if (off_) return true;
  const std::uint64_t size = bytes.size() + kHashBytes;
  if (!reserve(size)) return false;
  try {
    if (!write(name, bytes, false)) shared_->bytes -= size;
  } catch (const std::exception& error) {
    shared_->bytes -= size;
    turn_off(error);
  }
  return true;
}

bool CacheFolder::reserve(std::uint64_t size) noexcept {
  std::uint64_t used = shared_->bytes;
  do {
    if (bytes_max_ > 0 && used + size > bytes_max_) return false;
  } while (!shared_->bytes.compare_exchange_weak(used, used + size));
  return true;
}

void CacheFolder::replace(const std::string& name, std::string_view bytes) noexcept {
  if (off_) return;
  try {
    write(name, bytes, true);
  } catch (const std::exception& error) {
    turn_off(error);
  }
}

bool CacheFolder::write(const std::string& name, std::string_view bytes, bool replaces) {
  static std::atomic<std::uint64_t> number = 0;
  const std::string path = path_ + "/" + name;
  const std::string temporary = fmt::format("{}{}{}.{}", path, kUnfinished, ::getpid(), ++number);
  make_folders(fs::path(path).parent_path());
  try {
    File file = File::create(temporary);
    file.write(bytes);
    file.write(hash_text(bytes));
    file.close();
    if (!replaces && rename_if_absent(temporary, path)) return true;
    if (!replaces) {  // another process was faster
      std::remove(temporary.c_str());
      return false;
    }
    if (std::rename(temporary.c_str(), path.c_str()) != 0) throw_system_error(errno, path);
    return true;
  } catch (...) {
    std::remove(temporary.c_str());
    throw;
  }
}

void CacheFolder::drop(const std::string& name) const noexcept {
  std::remove((path_ + "/" + name).c_str());
}

std::uint64_t CacheFolder::count(const std::string& folder) const noexcept {
  std::error_code error;
  std::uint64_t count = 0;
  for (fs::directory_iterator it(path_ + "/" + folder, error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count;
}

void CacheFolder::turn_off(const std::exception& error) noexcept {
  if (off_.exchange(true)) return;
  warn_once(fmt::format("the cache is off, and the store is read instead: {}", error.what()));
}

void CacheFolder::warn_once(const std::string& text) noexcept {
  if (!warn_) return;
  const std::uint64_t hash = hash_bytes(text);
  if (shared_ != nullptr && shared_->warned.exchange(hash) == hash) return;
  warn_(text);
}

}  // namespace ringfeed
