// The records of several CSV files one after the other, without their headers.
#pragma once

#include <cstdint>
#include <memory>
#include <ringfeed/source.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/csv_parser.hpp"

namespace ringfeed {

class CsvRows {
 public:
  /// Opens the first file and learns the columns: the names in its header, else f0, f1, ... Throws
  /// Error{kBadData} when there is none, or a name is not right; kInvalidArgument when kAuto cannot
  /// tell whether there is a header, or another delimiter than the file's seems to be meant.
  /// `delimiter` is that of SourceOptions.
  explicit CsvRows(std::vector<std::string> paths, Header header = Header::kAuto,
                   char delimiter = '\0');

  const std::vector<std::string>& columns() const noexcept { return columns_; }

  /// False after the last record of the last file. Throws Error{kBadData} when a later file has
  /// another header.
  bool next();

  /// Of the record; valid until the next call of next().
  std::span<const std::string_view> fields() const noexcept { return parser_->fields(); }
  const std::string& path() const noexcept { return parser_->path(); }
  std::uint64_t line() const noexcept { return parser_->line(); }
  /// What is wrong with the row as a row (not with its values); empty: nothing.
  std::string fault() const;

  /// Of the files as they are, before decompression.
  std::uint64_t bytes_read() const;

 private:
  void open();
  bool find_header() const;
  void learn_columns();
  void check_header() const;
  void check_delimiter() const;

  const std::vector<std::string> paths_;
  const Header header_;
  const char delimiter_;  ///< '\0': by the name of each file
  std::size_t file_ = 0;
  std::unique_ptr<CsvParser> parser_;
  std::vector<std::string> columns_;
  bool has_header_ = false;
  bool first_row_is_record_ = false;  ///< the row that the parser is at was not handed out yet
  std::uint64_t bytes_of_files_done_ = 0;
};

}  // namespace ringfeed
