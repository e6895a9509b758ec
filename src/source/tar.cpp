// Blocks of 512 bytes: a header, then the bytes of its file up to a whole block. Every number is
// checked before it is used, and memory is taken for no more than was read.
#include "source/tar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <ringfeed/error.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kBlockBytes = 512;
/// Bound of what names a file: a GNU header of a long name, a pax header.
constexpr std::uint64_t kNameBytesMax = std::uint64_t{64} << 10;
/// Bound of the size of a file, which keeps sums of them in range.
constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 60;

constexpr const char* kFetchAgain = "fetch or write it again";

/// The text before the first zero byte.
std::string_view text_of(std::string_view field) { return field.substr(0, field.find('\0')); }

/// An octal number between spaces and zero bytes; of a size also the bytes of a number.
std::optional<std::uint64_t> number_of(std::string_view field) {
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    std::uint64_t number = static_cast<unsigned char>(field[0]) & 0x7f;
    for (const char c : field.substr(1)) {
      if (number >= kFileBytesMax >> 8) return std::nullopt;
      number = number << 8 | static_cast<unsigned char>(c);
    }
    return number;
  }
  while (field.starts_with(' ')) field.remove_prefix(1);
  while (field.ends_with(' ') || field.ends_with('\0')) field.remove_suffix(1);
  std::uint64_t number = 0;
  const char* const end = field.data() + field.size();
  const auto [last, error] = std::from_chars(field.data(), end, number, 8);
  if (error != std::errc() || last != end || number > kFileBytesMax) return std::nullopt;
  return number;
}

/// The sum of a header's bytes, its own field counted as spaces.
std::uint64_t sum_of(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  return sum;
}

}  // namespace

struct TarReader::Header {
  std::string name;
  std::uint64_t size = 0;
  char type = '0';
};

TarReader::TarReader(std::string path, Read read)
    : path_(std::move(path)), read_(std::move(read)) {}

void TarReader::refuse(const std::string& what, const std::string& remedy) const {
  throw Error(ErrorCode::kBadData, fmt::format("{}: {}; {}", path_, what, remedy));
}

/// False at the end of the archive.
bool TarReader::read_header(Header& header) {
  std::array<char, kBlockBytes> bytes{};
  const auto got = read_(std::as_writable_bytes(std::span(bytes)));
  if (got < bytes.size()) {
    refuse(fmt::format("it is cut off at byte {}, without the end that a tar archive has", at_),
           kFetchAgain);
  }
  const std::string_view block(bytes.data(), bytes.size());
  if (std::ranges::all_of(block, [](char c) { return c == '\0'; })) {
    check_rest();
    return false;
  }
  const auto sum = number_of(block.substr(148, 8));
  if (!sum || *sum != sum_of(block)) {
    refuse(at_ == 0 ? "it is no tar archive" : fmt::format("the header at byte {} is damaged", at_),
           kFetchAgain);
  }
  const auto size = number_of(block.substr(124, 12));
  if (!size) refuse(fmt::format("the header at byte {} has no size", at_), kFetchAgain);
  header.size = *size;
  header.type = block[156];
  header.name = text_of(block.substr(0, 100));
  const auto prefix = text_of(block.substr(345, 155));
  if (block.substr(257, 6) == std::string_view("ustar\0", 6) && !prefix.empty())
    header.name = fmt::format("{}/{}", prefix, header.name);
  at_ += kBlockBytes;
  return true;
}

/// Behind the end there are zero bytes alone.
void TarReader::check_rest() {
  std::vector<char> bytes(std::size_t{64} << 10);
  while (true) {
    const auto got = read_(std::as_writable_bytes(std::span(bytes)));
    const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(got);
    if (std::any_of(bytes.begin(), end, [](char c) { return c != '\0'; })) {
      refuse("there is more behind the end of the archive, as where one was added to another",
             "make one archive of them, or name each");
    }
    if (got < bytes.size()) return;
  }
}

bool TarReader::next() {
  skip();
  std::string name;                   // of the next file, from a header before its own
  std::optional<std::uint64_t> size;  // likewise
  Header header;
  while (read_header(header)) {
    if (header.type == 'L') {
      name = text_of(take_text(header.size));
    } else if (header.type == 'x') {
      take_pax(take_text(header.size), name, size);
    } else if (header.type == 'K' || header.type == 'g') {
      take_text(header.size);  // the target of a link; what is of all files names none
    } else {
      begin_file(name.empty() ? header.name : name, size.value_or(header.size));
      if (header.type == '0' || header.type == '\0' || header.type == '7') return true;
      if (header.type != '5') {
        refuse(fmt::format("{} is no plain file (but a link, a sparse file or a device)",
                           in_quotes(name_)),
               "archive the files themselves (GNU tar: dereference, hard-dereference)");
      }
      skip();
      name.clear();
      size.reset();
    }
  }
  return false;
}

std::string TarReader::take_text(std::uint64_t size) {
  if (size > kNameBytesMax) {
    refuse(fmt::format("the header at byte {} names a file in {} bytes, the limit is {}", at_, size,
                       kNameBytesMax),
           kFetchAgain);
  }
  begin_file("a header", size);
  auto text = take();
  skip();
  return text;
}

/// Lines "LENGTH KEY=VALUE", each as long as it says.
void TarReader::take_pax(std::string_view text, std::string& name,
                         std::optional<std::uint64_t>& size) const {
  const auto damaged = [&] {
    refuse(fmt::format("the pax header before byte {} is damaged", at_), kFetchAgain);
  };
  while (!text.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length > text.size() || length < digits + 2 ||
        text[digits] != ' ' || text[length - 1] != '\n') {
      damaged();
    }
    const auto line = text.substr(digits + 1, length - digits - 2);
    text.remove_prefix(length);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) damaged();
    const auto key = line.substr(0, equals);
    const auto value = line.substr(equals + 1);
    if (key.starts_with("GNU.sparse"))
      refuse("there is a sparse file in it", "archive it without sparse files");
    if (key == "path") name = value;
    if (key != "size") continue;
    std::uint64_t number = 0;
    const char* const value_end = value.data() + value.size();
    const auto [last, wrong] = std::from_chars(value.data(), value_end, number);
    if (wrong != std::errc() || last != value_end || number > kFileBytesMax) damaged();
    size = number;
  }
}

std::string TarReader::take() {
  // Grows with what is there, not with what a header claims.
  constexpr std::uint64_t kAtOnce = std::uint64_t{1} << 20;
  std::string bytes;
  while (left_ > 0) {
    const auto before = bytes.size();
    bytes.resize(before + std::min(left_, kAtOnce));
    fill(std::as_writable_bytes(std::span(bytes).subspan(before)));
    left_ -= bytes.size() - before;
  }
  return bytes;
}

/// What of the file was not taken.
void TarReader::skip() {
  std::array<std::byte, 16384> scratch;
  left_ += std::exchange(padding_, 0);
  while (left_ > 0) {
    const std::span space(scratch.data(), std::min<std::uint64_t>(left_, scratch.size()));
    fill(space);
    left_ -= space.size();
  }
}

void TarReader::fill(std::span<std::byte> space) {
  if (read_(space) < space.size())
    refuse(fmt::format("it is cut off in {}", in_quotes(name_)), kFetchAgain);
  at_ += space.size();
}

void TarReader::begin_file(std::string name, std::uint64_t size) {
  name_ = std::move(name);
  size_ = left_ = size;
  padding_ = (kBlockBytes - size % kBlockBytes) % kBlockBytes;
}

}  // namespace ringfeed
