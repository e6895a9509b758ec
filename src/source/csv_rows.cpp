// Headers: found, learnt, compared from file to file.
#include "source/csv_rows.hpp"

#include <arrow/util/utf8.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <unordered_set>

#include "base/option.hpp"
#include "source/bad_records.hpp"
#include "source/csv_number.hpp"

namespace ringfeed {
namespace {

/// Many columns may make one tensor: there may be more of them than a data set has.
constexpr std::size_t kFieldsMax = std::size_t{1} << 20;

/// An empty field says nothing: a record may have one, and so may a header (pandas leaves the index
/// without a name).
bool are_all_numbers(std::span<const std::string_view> fields) {
  bool any = false;
  for (const auto field : fields) {
    const auto kind = kind_of(field);
    if (kind == TextKind::kText) return false;
    any = any || kind != TextKind::kEmpty;
  }
  return any;
}

bool is_any_number(std::span<const std::string_view> fields) {
  return std::any_of(fields.begin(), fields.end(), [](std::string_view field) {
    const auto kind = kind_of(field);
    return kind == TextKind::kWhole || kind == TextKind::kNumber;
  });
}

/// 0, 1, 2, ...: what pandas writes where the columns have no names of their own, behind an empty
/// field for the index.
bool are_counting_up(std::span<const std::string_view> fields) {
  if (fields[0].empty()) fields = fields.subspan(1);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] != std::to_string(i)) return false;
  }
  return !fields.empty();
}

char delimiter_by_name(const std::string& path) {
  const auto name = lower_case(path);
  const auto is = [&](std::string_view ending) {
    return name.ends_with(ending) || name.ends_with(std::string(ending) + ".gz");
  };
  return is(".tsv") || is(".tab") ? '\t' : ',';
}

std::string name_of_column(std::string_view field, std::size_t place) {
  const auto first = field.find_first_not_of(" \t");
  if (first == std::string_view::npos) return fmt::format("f{}", place);
  return std::string(field.substr(first, field.find_last_not_of(" \t") + 1 - first));
}

}  // namespace

CsvRows::CsvRows(std::vector<std::string> paths, Header header, char delimiter)
    : paths_(std::move(paths)), header_(header), delimiter_(delimiter) {
  arrow::util::InitializeUTF8();
  open();
  learn_columns();
}

void CsvRows::open() {
  const auto delimiter = delimiter_ != '\0' ? delimiter_ : delimiter_by_name(paths_[file_]);
  parser_ = std::make_unique<CsvParser>(paths_[file_], delimiter);
}

/// One column whose first field has another usual delimiter in it is hardly what is meant.
void CsvRows::check_delimiter() const {
  if (delimiter_ != '\0' || fields().size() != 1) return;
  const auto found = fields()[0].find_first_of(";\t|,");
  if (found == std::string_view::npos) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}:{}: the first row is one field with {} in it; say with {} what the delimiter "
                  "is",
                  path(), line(), in_quotes(fields()[0].substr(found, 1)),
                  option_name("delimiter")));
}

bool CsvRows::find_header() const {
  if (header_ != Header::kAuto) return header_ == Header::kYes;
  if (!are_all_numbers(fields())) return true;
  if (!are_counting_up(fields())) return false;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}:{}: the first row counts up from 0, so it may name the columns or be "
                  "a record; say {} or {}",
                  path(), line(), option_name("header", "yes"), option_name("header", "no")));
}

void CsvRows::learn_columns() {
  if (!parser_->next_row()) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: there is no record and no header; leave the file out, or write "
                            "it again",
                            path()));
  }
  const auto row = fields();
  if (row.size() > kFieldsMax) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}:{}: {} columns, the limit is {}; use npy or Parquet for such records",
                    path(), line(), row.size(), kFieldsMax));
  }
  check_delimiter();
  has_header_ = find_header();
  first_row_is_record_ = !has_header_;
  std::unordered_set<std::string> names;
  for (std::size_t i = 0; i < row.size(); ++i) {
    columns_.push_back(has_header_ ? name_of_column(row[i], i) : fmt::format("f{}", i));
    if (!arrow::util::ValidateUTF8(columns_[i])) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}:{}: the name of column {} is not UTF-8; save the file as UTF-8",
                              path(), line(), i + 1));
    }
    if (!names.insert(columns_[i]).second) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}:{}: the column name {} stands twice; rename one", path(), line(),
                              in_quotes(columns_[i])));
    }
  }
}

bool CsvRows::next() {
  if (first_row_is_record_) {
    first_row_is_record_ = false;
    return true;
  }
  while (!parser_->next_row()) {
    if (file_ + 1 == paths_.size()) return false;
    bytes_of_files_done_ += parser_->file_bytes_read();
    ++file_;
    open();
    if (!parser_->next_row()) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: there is no record and no header; leave the file out, or write "
                              "it again",
                              path()));
    }
    if (!has_header_) {
      check_header();
      return true;
    }
    check_header();
  }
  return true;
}

void CsvRows::check_header() const {
  const auto row = fields();
  if (!has_header_) {
    if (header_ == Header::kNo || is_any_number(row)) return;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}:{}: the first row is a header, but {} has none; make both alike",
                            path(), line(), paths_[0]));
  }
  bool same = row.size() == columns_.size();
  for (std::size_t i = 0; same && i < row.size(); ++i)
    same = name_of_column(row[i], i) == columns_[i];
  if (same) return;
  throw Error(
      ErrorCode::kBadData,
      fmt::format(
          "{}:{}: the first row is not the header of {} ({}); give all files the same columns",
          path(), line(), paths_[0], listed(columns_)));
}

std::string CsvRows::fault() const {
  if (fields().size() != columns_.size()) {
    return fmt::format("{} {} where {} are due", fields().size(),
                       fields().size() == 1 ? "field" : "fields", columns_.size());
  }
  if (parser_->text_after_quote())
    return "there is text between a closing quote and the next delimiter";
  return {};
}

std::uint64_t CsvRows::bytes_read() const {
  return bytes_of_files_done_ + parser_->file_bytes_read();
}

}  // namespace ringfeed
