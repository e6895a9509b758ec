// The control characters of Unicode are those below U+0020 and from U+007F to U+009F.
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ringfeed {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

/// Bytes of the character that the text begins with; 0: it is no UTF-8.
std::size_t size_of_first(std::string_view text) {
  const unsigned char lead = byte_at(text, 0);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  if (size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  }
  return size;
}

std::string escaped(unsigned code) {
  switch (code) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", code);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = size_of_first(text);
    const unsigned char first = byte_at(text, 0);
    if (size == 0) {
      line += fmt::format("\\x{:02x}", first);
    } else if (size == 1 && (first < 0x20 || first == 0x7F)) {
      line += escaped(first);
    } else if (size == 2 && first == 0xC2 && byte_at(text, 1) < 0xA0) {
      line += escaped(byte_at(text, 1));
    } else {
      line += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return line;
}

std::string printable_lines(std::string_view text) {
  std::string lines;
  while (true) {
    const auto end = text.find('\n');
    lines += printable(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    lines += '\n';
    text.remove_prefix(end + 1);
  }
}

}  // namespace ringfeed
