// Texts cut between characters of UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace ringfeed {

/// The beginning of at most so many bytes that ends with a whole character.
inline std::string_view beginning_of(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace ringfeed
