// Files as the stores need them: every write and sync is checked, folders are synced too, and
// mapped memory is owned. Failures are Errors that name the path (base/system_error.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/lost_pages.hpp"

namespace ringfeed {

/// The name of it among the options that take a file.
constexpr std::string_view kStandardOutput = "-";

/// An open file. Not thread-safe.
class File {
 public:
  /// Throws Error{kBadData} for what is no regular file; it never waits for a writer of a FIFO.
  static File open_to_read(const std::string& path);
  /// Whatever it is: a FIFO or a terminal too, on which a read waits.
  static File open_stream(const std::string& path);
  /// Makes the file, or empties it when it is there. Follows no link in its last part. Errors name
  /// `told_as`, where it is not empty: what a temporary path stands for.
  static File create(const std::string& path, const std::string& told_as = "");
  /// Makes the file when it is not there; writes go to its end. Follows no link in its last part.
  static File open_to_append(const std::string& path);
  /// Another descriptor of what this process has as its standard output.
  static File standard_output();
  /// Made for reading and writing, without a name: gone with the process, however that ends. Its
  /// path is that of the folder.
  static File create_unnamed(const std::string& folder);

  ~File();
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;

  const std::string& path() const noexcept { return path_; }
  int descriptor() const noexcept { return descriptor_; }
  std::uint64_t size() const;

  /// Reads up to `bytes` from the file's place on; 0 at its end.
  std::size_t read(char* to, std::size_t bytes);
  /// The whole of a file that was opened just now. Throws Error{kBadData} when it is longer than
  /// `bytes_max`.
  std::string read_whole(std::uint64_t bytes_max);

  /// All of it, at the file's place. Throws Error{kNoSpace} also when the file would grow over a
  /// limit of the process.
  void write(std::string_view bytes);
  /// Cuts the file, or makes it longer by zeros; the place goes to the new end.
  void resize(std::uint64_t bytes);
  /// Returns when the bytes are durable.
  void sync();
  /// Asks the system to begin with that; a hint, without effect on failure.
  void start_sync() const noexcept;
  /// Also reports what the system found only now. The destructor closes without a report.
  void close();

 private:
  friend class Folder;
  File(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  void check_regular() const;
  int descriptor_ = -1;
  std::string path_;
};

/// A whole file, mapped for reading. Thread-safe. Who reads its bytes does so under a LostPages
/// (base/lost_pages.hpp): the file may be cut meanwhile.
class MappedFile {
 public:
  /// Throws Error, kNotFound when there is no such file.
  static std::shared_ptr<const MappedFile> map(const std::string& path);
  static std::shared_ptr<const MappedFile> map(const File& file);

  const std::string& path() const noexcept { return path_; }
  const std::byte* data() const noexcept { return memory_ ? memory_->data() : nullptr; }
  std::size_t size() const noexcept { return memory_ ? memory_->size() : 0; }
  std::string_view bytes() const noexcept {
    return {reinterpret_cast<const char*>(data()), size()};
  }
  /// False when the file was cut since it was mapped.
  bool is_whole() const noexcept;
  /// Asks the system to read these bytes ahead; a hint, without effect on failure.
  void will_need(std::size_t offset, std::size_t bytes) const noexcept;

 private:
  MappedFile() = default;
  std::string path_;
  std::optional<FileMemory> memory_;  ///< nothing for an empty file
  std::uint64_t inode_ = 0;
  std::uint64_t device_ = 0;
};

/// The whole file. Throws Error{kBadData} when it is longer than `bytes_max`.
std::string read_file(const std::string& path, std::uint64_t bytes_max);

/// Makes names in this folder (new, renamed, removed) durable.
void sync_folder(const std::string& path);

/// Throws Error{kInvalidArgument} where a path that is to be a folder is something else, or leads
/// over it.
void check_is_no_file(const std::string& path);

/// Makes the folder and those above it that are missing, durably. True when this call made the
/// folder itself. Throws Error{kInvalidArgument} where something else has one of these names.
bool make_folders(const std::string& path);

/// A file that appears whole or not at all: it is written beside PATH, as PATH.tmp. and a random
/// name, until it takes that name. Errors name PATH. Not thread-safe.
class NewFile {
 public:
  /// Throws Error{kInvalidArgument} when PATH is a folder, device, FIFO or socket, which would be
  /// replaced.
  explicit NewFile(const std::string& path);
  /// Removes what has not taken its name.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  File& file() noexcept { return file_; }
  /// Makes it durable under the name PATH, whatever had that before.
  void publish();

 private:
  std::string path_;
  std::string folder_;
  std::string name_;  ///< in the folder, until then
  File file_;
  bool published_ = false;
};

/// Writes a NewFile by `fill`.
void replace_file(const std::string& path, const std::function<void(File&)>& fill);

}  // namespace ringfeed
