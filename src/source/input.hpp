// Files as sources read them: checked before anything is taken, decompressed when they are gzip,
// and hashed. Failures are Errors that name the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace arrow::io {
class InputStream;
class ReadableFile;
}  // namespace arrow::io

namespace ringfeed {

/// The size in bytes of a file that a source may read. Throws Error: kNotFound; kInvalidArgument
/// for a folder or what is not a plain file; kBadData when it is empty.
std::uint64_t check_source_file(const std::string& path);

/// "a.csv", "a.csv and 2 more"; there is at least one.
std::string name_of_files(const std::vector<std::string>& paths);

/// Whether the first bytes are those of gzip (RFC 1952). Throws Error{kBadData} when the name ends
/// in .gz and they are not, and Error when the file cannot be read.
bool is_gzip(const std::string& path);

/// The bytes of a file from its start, decompressed when they are gzip. Not thread-safe.
class ByteStream {
 public:
  explicit ByteStream(const std::string& path);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  /// Fills `space`, less of it only at the end of the file; the count of bytes. Throws
  /// Error{kBadData} when the gzip data is damaged or cut off.
  std::size_t read(std::span<std::byte> space);

  /// How much of the file itself was read: less than what read() gave when it is gzip.
  std::uint64_t file_bytes_read() const;

 private:
  const std::string path_;
  std::shared_ptr<arrow::io::ReadableFile> file_;
  std::shared_ptr<arrow::io::InputStream> stream_;
};

/// XXH3-64 over a text, and over size and bytes of each file in their order. Throws
/// Error{kCancelled} when asked to stop.
std::uint64_t hash_files(std::string_view text, const std::vector<std::string>& paths,
                         const std::stop_token& stop);

/// ASCII letters in lower case: capitals of a file's name do not matter.
std::string lower_case(std::string_view name);

/// Throws Error{kCancelled} when asked to stop.
void check_stop(const std::stop_token& stop);

}  // namespace ringfeed
