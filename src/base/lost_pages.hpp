// Memory of mapped files that is lost: a file is cut while it is mapped, its disk is full or fails.
// The system ends a process that touches such a page (SIGBUS). Under a LostPages the page reads as
// zeros instead, and check() throws an Error that names the file.
#pragma once

#include <cstddef>
#include <string>

namespace ringfeed {

class File;

/// A file's first bytes, mapped and shared with other processes.
class FileMemory {
 public:
  enum class Use { kRead, kWrite };

  /// Throws Error when the system refuses. `bytes` is above 0.
  FileMemory(const File& file, std::size_t bytes, Use use);
  ~FileMemory();
  FileMemory(const FileMemory&) = delete;
  FileMemory& operator=(const FileMemory&) = delete;

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }

  struct Range;  ///< what the signal handler knows of it

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  Range* range_ = nullptr;
};

/// Made on the thread that reads mapped memory, for as long as it does; costs nothing while no page
/// is lost. Outside of one, a lost page ends the process as it would without us, with a line on
/// stderr that names the file.
class LostPages {
 public:
  LostPages() noexcept;
  ~LostPages();
  LostPages(const LostPages&) = delete;
  LostPages& operator=(const LostPages&) = delete;

  /// Throws Error{kBadData} that names a file of which a page was lost, on any thread, and which is
  /// still mapped: what was read since this was made may be zeros.
  void check() const;
};

}  // namespace ringfeed
