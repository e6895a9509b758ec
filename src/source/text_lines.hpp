// The lines of several text files one after the other, each with its number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/input.hpp"

namespace ringfeed {

/// Lines end with LF or CRLF (the last may end with the file). A byte order mark of UTF-8 is
/// skipped, and so are blank lines. Not thread-safe.
class TextLines {
 public:
  /// A longer line is refused. Bounds the memory.
  static constexpr std::size_t kLineBytesMax = std::size_t{16} << 20;

  explicit TextLines(std::vector<std::string> paths);

  /// False after the last line of the last file. Throws Error{kBadData} for a line over
  /// kLineBytesMax.
  bool next();

  /// Of the line; valid until the next call of next().
  std::string_view text() const noexcept { return text_; }
  const std::string& path() const noexcept { return paths_[file_]; }
  std::uint64_t line() const noexcept { return line_; }
  /// Of the files as they are, before decompression.
  std::uint64_t bytes_read() const;

 private:
  void open();
  bool next_of_file();

  const std::vector<std::string> paths_;
  std::size_t file_ = 0;
  std::optional<ByteStream> input_;
  std::vector<char> buffer_ = std::vector<char>(1);  ///< never empty
  std::size_t begin_ = 0;                            ///< of what was not yet handed out
  std::size_t end_ = 0;
  bool input_ended_ = false;
  std::uint64_t line_ = 0;
  std::string_view text_;
  std::uint64_t bytes_of_files_done_ = 0;
};

}  // namespace ringfeed
