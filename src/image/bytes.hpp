// Bytes of strangers, read within their bounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ringfeed {

class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes)
      : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}

  std::size_t size() const noexcept { return bytes_.size(); }
  bool starts_with(std::string_view text) const noexcept { return bytes_.starts_with(text); }

  /// What is there of it.
  Bytes part(std::size_t at, std::size_t count = std::string_view::npos) const noexcept {
    return Bytes(bytes_.substr(std::min(at, bytes_.size()), count));
  }

  /// A number of up to 4 bytes; nothing when they are not all there.
  std::optional<std::uint32_t> big(std::size_t at, std::size_t count) const noexcept {
    if (at > bytes_.size() || count > bytes_.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | byte(at + i);
    return value;
  }
  std::optional<std::uint32_t> little(std::size_t at, std::size_t count) const noexcept {
    if (at > bytes_.size() || count > bytes_.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = count; i > 0; --i) value = value << 8 | byte(at + i - 1);
    return value;
  }

 private:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t byte(std::size_t at) const noexcept {
    return static_cast<unsigned char>(bytes_[at]);
  }

  std::string_view bytes_;
};

}  // namespace ringfeed
