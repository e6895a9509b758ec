// CSV as RFC 4180 has it, row by row, each with the line it starts on. Arrow's CSV reader does not
// tell the line of a record, nor can it step over one bad record, so the text is cut into fields
// here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/input.hpp"

namespace ringfeed {

/// Fields are separated by commas (or another byte), rows end with LF, CRLF or CR (the last may end
/// with the file). A field that starts with a quote ends with one, may hold delimiters and line
/// ends, and "" in it is one quote. Blank lines are no rows. A byte order mark of UTF-8 is skipped.
/// Not thread-safe.
class CsvParser {
 public:
  /// A longer row is refused: most likely a quote is not closed. Bounds the memory.
  static constexpr std::size_t kRowBytesMax = std::size_t{16} << 20;

  explicit CsvParser(const std::string& path, char delimiter = ',');

  /// False after the last row. Throws Error{kBadData} for a quote that is not closed, a row over
  /// kRowBytesMax, or text that is UTF-16: after these no row's bounds are known.
  bool next_row();

  /// Of the row; valid until the next call of next_row().
  std::span<const std::string_view> fields() const noexcept { return fields_; }
  /// The line where the row starts, from 1.
  std::uint64_t line() const noexcept { return row_line_; }
  /// There is text between a closing quote and the next delimiter; the field is then without it.
  bool text_after_quote() const noexcept { return text_after_quote_; }

  const std::string& path() const noexcept { return path_; }
  std::uint64_t file_bytes_read() const { return input_.file_bytes_read(); }

 private:
  enum class Scan : std::uint8_t { kRow, kBlank, kNeedMore };
  struct Escaped {
    std::size_t field;
    std::size_t offset;
    std::size_t size;
  };

  void refill();
  void skip_byte_order_mark();
  Scan scan_row();
  const char* scan_quoted(const char* at);
  const char* end_of_field(const char* at) const;
  void join_escaped();

  const std::string path_;
  const char delimiter_;
  const std::array<bool, 256> ends_field_;  ///< by byte
  ByteStream input_;
  std::vector<char> buffer_;  ///< one byte longer than what it may hold: '\n' stands after the text
  std::size_t begin_ = 0;     ///< of what was not yet handed out
  std::size_t end_ = 0;
  bool input_ended_ = false;
  std::uint64_t line_ = 1;
  std::uint64_t row_line_ = 1;
  std::uint64_t lines_in_quotes_ = 0;
  std::uint64_t quote_line_ = 0;  ///< where the last quote was opened
  bool text_after_quote_ = false;
  std::vector<std::string_view> fields_;
  std::string unescaped_;  ///< the fields with "" in them, one after the other
  std::vector<Escaped> escaped_;
};

}  // namespace ringfeed
