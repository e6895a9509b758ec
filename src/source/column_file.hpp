// A file that holds one column: npy and IDX. Several of them side by side are one source
// (column_source.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/schema.hpp>
#include <string>

namespace arrow {
class Array;
}

namespace ringfeed {

class ColumnFile {
 public:
  virtual ~ColumnFile() = default;

  virtual const std::string& path() const = 0;
  /// The name may be changed by who puts columns side by side.
  virtual const ColumnSpec& spec() const = 0;
  virtual std::int64_t samples() const = 0;

  /// The next `count` samples, of those that are left, in the type of Schema::to_arrow. Throws
  /// Error{kBadData} when the file ends before.
  virtual std::shared_ptr<arrow::Array> read(std::int64_t count) = 0;
  /// After the last sample. Throws Error{kBadData} when the file goes on.
  virtual void check_end() = 0;

  /// The arrays point into the mapped file.
  virtual bool in_place() const = 0;
  virtual std::uint64_t file_bytes() const = 0;
  virtual std::uint64_t bytes_read() const = 0;
};

/// The column's name is the file's without folder and .npy.
std::unique_ptr<ColumnFile> open_npy(const std::string& path);

/// The column is `image` for three dimensions, `label` for one, else the file's name without folder
/// and ending.
std::unique_ptr<ColumnFile> open_idx(const std::string& path);

/// "a/b.npy" -> "b" for the ending ".npy".
std::string name_without(std::string_view path, std::string_view ending);

}  // namespace ringfeed
