// DIR/ringfeed-cache/ has .lock, which marks it as ours, unfinished/ for files that are being
// written, and what is kept. Each file ends with the exclusive or of two XXH3-64: of what stands
// before it and of its name. It is written under another name and renamed, without a sync: what a
// crash of the machine tears is found by its hash.
//
// How much there is stands in memory that the processes share: the lock, mapped, under a shared
// lock. Who finds no other process with the lock counts anew, and removes what killed ones left
// behind.
#include "store/cache_folder.hpp"

#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ringfeed/error.hpp>

#include "base/hash.hpp"
#include "base/system_error.hpp"
#include "store/local_layout.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOwnFolder = "ringfeed-cache";
constexpr std::string_view kLockName = ".lock";
constexpr std::string_view kUnfinished = "unfinished";
constexpr std::string_view kChunk = ".chunk";
/// What the lock begins with; behind it is what the processes share.
constexpr std::string_view kMark = "ringfeed cache 2, see cache.md\n";
constexpr std::size_t kSharedAt = 32;
static_assert(kMark.size() <= kSharedAt);
constexpr std::size_t kHashBytes = 8;

/// What a file ends with: a file under another's name ends with something else.
std::string hash_text(std::string_view name, std::string_view bytes) {
  const std::uint64_t hash = hash_bytes(name) ^ hash_bytes(bytes);
  std::string text(kHashBytes, '\0');
  std::memcpy(text.data(), &hash, kHashBytes);
  return text;
}

}  // namespace

struct CacheFolder::Shared {
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint64_t> warned;  ///< hash of the last warning
};

CacheFolder::CacheFolder(const std::string& path, std::uint64_t bytes_max, Warn warn)
    : folder_(Folder(path).path_of(kOwnFolder)), bytes_max_(bytes_max), warn_(std::move(warn)) {
  check_is_no_file(path);
  try {
    open(path);
  } catch (const std::exception& error) {
    turn_off(error);
  }
}

void CacheFolder::open(const std::string& path) {
  make_folders(path);
  Folder(path).make_folder(kOwnFolder);
  const auto names = names_in(folder_.path());
  if (!names.empty() && !std::ranges::binary_search(names, kLockName)) {
    throw Error(ErrorCode::kConflict,
                fmt::format("{}: the folder has files that are not of a cache; move them away, or "
                            "name another folder",
                            folder_.path()));
  }
  lock_ = folder_.open_to_append(kLockName);
  lock();
}

void CacheFolder::lock() {
  const bool alone = ::flock(lock_->descriptor(), LOCK_EX | LOCK_NB) == 0;
  if (!alone && ::flock(lock_->descriptor(), LOCK_SH) != 0)
    throw_system_error(errno, lock_->path());
  if (alone) begin();
  const std::size_t bytes = kSharedAt + sizeof(Shared);
  if (lock_->size() != bytes) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: it is not the lock of a cache; remove the folder", lock_->path()));
  }
  memory_.emplace(*lock_, bytes, FileMemory::Use::kWrite);
  shared_ = reinterpret_cast<Shared*>(memory_->data() + kSharedAt);
  if (!alone) return;
  clean();
  ::flock(lock_->descriptor(), LOCK_SH);
}

/// Writes the lock anew, and does not only make it longer: then the memory that is mapped has its
/// place on the disk, or there is an error now.
void CacheFolder::begin() {
  if (lock_->size() > 0) {
    std::string mark(kMark.size(), '\0');
    lock_->read(mark.data(), mark.size());
    if (mark != kMark) {
      throw Error(
          ErrorCode::kConflict,
          fmt::format("{}: it is not of this version's cache; remove the folder, or name another",
                      lock_->path()));
    }
  }
  std::string text(kMark);
  text.resize(kSharedAt + sizeof(Shared), '\0');
  lock_->resize(0);
  lock_->write(text);
}

void CacheFolder::clean() const {
  for (const auto& name : names_in(folder_.path_of(kUnfinished))) {
    if (is_random_name(name)) folder_.remove(fmt::format("{}/{}", kUnfinished, name));
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    if (fs::is_regular_file(entry.symlink_status()) && entry.path().extension() == kChunk)
      shared_->bytes += entry.file_size();
  }
}

std::optional<CachedFile> CacheFolder::find(const std::string& name) const {
  std::shared_ptr<const MappedFile> file;
  try {
    file = MappedFile::map(folder_.open_to_read(name));
  } catch (const Error&) {
    return std::nullopt;
  }
  if (file->size() >= kHashBytes) {
    CachedFile found{file, file->size() - kHashBytes, hash_bytes(name)};
    file->will_need(0, file->size());
    if (is_whole(found)) return found;
  }
  drop(name);
  return std::nullopt;
}

bool CacheFolder::is_whole(const CachedFile& found) noexcept {
  const LostPages zeros;  // which have another hash
  std::uint64_t hash = 0;
  std::memcpy(&hash, found.file->data() + found.bytes, kHashBytes);
  return found.file->is_whole() && (found.name_hash ^ hash_bytes(found.view())) == hash;
}

bool CacheFolder::keep(const std::string& name, std::string_view bytes) noexcept {
  if (off_) return true;
  const LostPages zeros;  // of the shared memory
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

bool CacheFolder::write(const std::string& name, std::string_view bytes, bool replaces) const {
  const std::string unfinished = fmt::format("{}/{}", kUnfinished, random_name());
  folder_.make_folder(kUnfinished);
  folder_.make_folder(name.substr(0, name.rfind('/')));
  try {
    File file = folder_.create_new(unfinished, folder_.path_of(name));
    file.write(bytes);
    file.write(hash_text(name, bytes));
    file.close();
    if (replaces) {
      folder_.rename(unfinished, name);
    } else if (!folder_.rename_if_absent(unfinished, name)) {  // another process was faster
      folder_.remove(unfinished);
      return false;
    }
    return true;
  } catch (...) {
    drop(unfinished);
    throw;
  }
}

void CacheFolder::drop(const std::string& name) const noexcept {
  try {
    folder_.remove(name);
  } catch (const Error&) {
    // What cannot be removed is found damaged again.
  }
}

std::uint64_t CacheFolder::count(const std::string& folder) const noexcept {
  std::error_code error;
  std::uint64_t count = 0;
  for (fs::directory_iterator it(folder_.path_of(folder), error), end; !error && it != end;
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
  const LostPages zeros;
  const std::uint64_t hash = hash_bytes(text);
  if (shared_ != nullptr && shared_->warned.exchange(hash) == hash) return;
  warn_(text);
}

}  // namespace ringfeed
