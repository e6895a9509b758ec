// A line cut by the end of the buffer is looked for again when more is there.
#include "source/text_lines.hpp"

#include <fmt/format.h>

#include <cstring>
#include <ringfeed/error.hpp>
#include <span>
#include <utility>

namespace ringfeed {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

TextLines::TextLines(std::vector<std::string> paths) : paths_(std::move(paths)) { open(); }

void TextLines::open() {
  input_.emplace(paths_[file_]);
  begin_ = end_ = 0;
  line_ = 0;
  input_ended_ = false;
}

bool TextLines::next() {
  while (!next_of_file()) {
    if (file_ + 1 == paths_.size()) return false;
    bytes_of_files_done_ += input_->file_bytes_read();
    ++file_;
    open();
  }
  return true;
}

bool TextLines::next_of_file() {
  std::size_t searched = 0;
  while (true) {
    const std::string_view there(buffer_.data() + begin_, end_ - begin_);
    const auto end = there.find('\n', searched);
    if (end == std::string_view::npos && !input_ended_) {
      searched = there.size();
      if (searched > kLineBytesMax) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("{}:{}: the line is longer than {} MiB; put each record in a line "
                                "of its own",
                                path(), line_ + 1, kLineBytesMax >> 20));
      }
      std::memmove(buffer_.data(), buffer_.data() + begin_, searched);
      begin_ = 0;
      buffer_.resize(searched + kPieceBytes);
      const auto got =
          input_->read(std::as_writable_bytes(std::span(buffer_.data() + searched, kPieceBytes)));
      end_ = searched + got;
      input_ended_ = got < kPieceBytes;
      continue;
    }
    if (there.empty()) return false;
    text_ = there.substr(0, end);
    begin_ += end == std::string_view::npos ? there.size() : end + 1;
    searched = 0;
    if (++line_ == 1 && text_.starts_with(kByteOrderMark))
      text_.remove_prefix(kByteOrderMark.size());
    if (text_.ends_with('\r')) text_.remove_suffix(1);
    if (text_.find_first_not_of(" \t") != std::string_view::npos) return true;
  }
}

std::uint64_t TextLines::bytes_read() const {
  return bytes_of_files_done_ + input_->file_bytes_read();
}

}  // namespace ringfeed
