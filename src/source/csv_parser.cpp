// One pass over a buffer that always ends in '\n', so the inner loop has one table look-up per byte
// and no bound. A row cut by the end of the buffer is scanned again when more is there.
#include "source/csv_parser.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 20;

std::array<bool, 256> ends_of_fields(char delimiter) {
  std::array<bool, 256> ends{};
  ends[static_cast<unsigned char>(delimiter)] = ends['\n'] = ends['\r'] = true;
  return ends;
}

}  // namespace

CsvParser::CsvParser(const std::string& path, char delimiter)
    : path_(path),
      delimiter_(delimiter),
      ends_field_(ends_of_fields(delimiter)),
      input_(path),
      buffer_(kReadBytes + 1) {
  refill();
  skip_byte_order_mark();
}

const char* CsvParser::end_of_field(const char* at) const {
  while (!ends_field_[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

void CsvParser::skip_byte_order_mark() {
  const std::string_view start(buffer_.data(), end_);
  if (start.starts_with("\xEF\xBB\xBF")) begin_ = 3;
  if (start.starts_with("\xFF\xFE") || start.starts_with("\xFE\xFF")) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}:1: the text is UTF-16; save it as UTF-8", path_));
  }
}

void CsvParser::refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ >= kRowBytesMax) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format(
            "{}:{}: the row is longer than {} MiB; most likely a quote is not closed: correct it",
            path_, row_line_, kRowBytesMax >> 20));
  }
  if (buffer_.size() - 1 < end_ + kReadBytes) buffer_.resize(2 * end_ + kReadBytes + 1);
  const auto got =
      input_.read(std::as_writable_bytes(std::span(buffer_.data() + end_, kReadBytes)));
  input_ended_ = got < kReadBytes;
  end_ += got;
  buffer_[end_] = '\n';
}

bool CsvParser::next_row() {
  while (true) {
    row_line_ = line_;
    if (begin_ == end_ && input_ended_) return false;
    switch (scan_row()) {
      case Scan::kRow:
        if (!escaped_.empty()) join_escaped();
        return true;
      case Scan::kBlank:
        break;
      case Scan::kNeedMore:
        refill();
        break;
    }
  }
}

CsvParser::Scan CsvParser::scan_row() {
  fields_.clear();
  unescaped_.clear();
  escaped_.clear();
  lines_in_quotes_ = 0;
  text_after_quote_ = false;
  const char* const row = buffer_.data() + begin_;
  const char* const stop = buffer_.data() + end_;
  const char* at = row;
  while (true) {
    if (*at == '"' && at < stop) {
      at = scan_quoted(at);
      if (at == nullptr) return Scan::kNeedMore;
    } else {
      const char* const start = at;
      at = end_of_field(at);
      fields_.emplace_back(start, static_cast<std::size_t>(at - start));
    }
    if (*at != delimiter_) break;
    ++at;
  }
  const char* next = at + 1;
  if (at == stop) {  // the '\n' behind the text, not one of it
    if (!input_ended_) return Scan::kNeedMore;
    next = stop;
  } else if (*at == '\r') {
    if (next == stop && !input_ended_) return Scan::kNeedMore;  // it may be half of CRLF
    if (next < stop && *next == '\n') ++next;
  }
  begin_ = static_cast<std::size_t>(next - buffer_.data());
  line_ += lines_in_quotes_ + 1;
  return at == row ? Scan::kBlank : Scan::kRow;
}

/// `at` is the opening quote. Returns the end of the field; null when the buffer ends before it.
const char* CsvParser::scan_quoted(const char* at) {
  const char* const stop = buffer_.data() + end_;
  quote_line_ = row_line_ + lines_in_quotes_;
  const char* const start = ++at;
  const char* piece = start;
  const std::size_t offset = unescaped_.size();
  while (true) {
    while (at < stop && *at != '"' && *at != '\n' && *at != '\r') ++at;
    if (at == stop) {
      if (!input_ended_) return nullptr;
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}:{}: the quote that is opened here is not closed; close it", path_,
                              quote_line_));
    }
    if (*at != '"') {
      if (*at == '\n' || at + 1 == stop || at[1] != '\n') ++lines_in_quotes_;
      ++at;
      continue;
    }
    if (at + 1 == stop && !input_ended_)
      return nullptr;  // the next byte decides what this quote is
    if (at + 1 == stop || at[1] != '"') break;
    unescaped_.append(piece, at + 1);
    at += 2;
    piece = at;
  }
  if (piece == start) {
    fields_.emplace_back(start, static_cast<std::size_t>(at - start));
  } else {
    unescaped_.append(piece, at);
    escaped_.push_back({fields_.size(), offset, unescaped_.size() - offset});
    fields_.emplace_back();
  }
  const char* const end = end_of_field(++at);
  if (end != at) text_after_quote_ = true;
  return end;
}

/// Only now does the text of the escaped fields stay where it is.
void CsvParser::join_escaped() {
  for (const auto& escaped : escaped_) {
    fields_[escaped.field] = std::string_view(unescaped_).substr(escaped.offset, escaped.size);
  }
}

}  // namespace ringfeed
