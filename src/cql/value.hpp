// Values as CQL has them on the wire: big-endian numbers, plain bytes (native_protocol_v4.spec of
// Apache Cassandra, section 6).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ringfeed::cql {

template <typename Int>
void write_big_endian(Int value, char* to) noexcept {
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    to[i] = static_cast<char>(static_cast<std::make_unsigned_t<Int>>(value) >>
                              (8 * (sizeof(Int) - 1 - i)));
  }
}

template <typename Int>
Int read_big_endian(const char* from) noexcept {
  std::make_unsigned_t<Int> value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    value =
        static_cast<std::make_unsigned_t<Int>>(value << 8 | static_cast<unsigned char>(from[i]));
  }
  return static_cast<Int>(value);
}

/// The pairs of a map<text, text> in their order, as far as they are whole.
inline std::vector<std::pair<std::string, std::string>> read_text_map(std::string_view cell) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::size_t at = 4;  // behind its size; then each text has its length before it
  const auto next = [&]() -> std::optional<std::string> {
    if (at + 4 > cell.size()) return std::nullopt;
    const auto size = static_cast<std::uint32_t>(read_big_endian<std::int32_t>(cell.data() + at));
    at += 4;
    if (size > cell.size() - at) return std::nullopt;
    at += size;
    return std::string(cell.substr(at - size, size));
  };
  while (auto key = next()) {
    auto value = next();
    if (!value) break;
    pairs.emplace_back(*std::move(key), *std::move(value));
  }
  return pairs;
}

/// The values of a statement's bind markers, in their order. It can be moved, not copied: a copy's
/// items would be views of what the original keeps.
class Values {
 public:
  Values() = default;
  Values(Values&&) = default;
  Values& operator=(Values&&) = default;
  Values& bigint(std::int64_t value) { return number(value); }
  Values& integer(std::int32_t value) { return number(value); }
  /// Text, a blob, or any type's bytes; copied.
  Values& bytes(std::string_view value) {
    items_.emplace_back(kept_.emplace_back(value));
    return *this;
  }
  /// Not copied: it must live as long as the values.
  Values& view(std::string_view value) {
    items_.emplace_back(value);
    return *this;
  }
  Values& null() {
    items_.emplace_back(std::nullopt);
    return *this;
  }

  const std::vector<std::optional<std::string_view>>& items() const noexcept { return items_; }

 private:
  template <typename Int>
  Values& number(Int value) {
    std::string text(sizeof(Int), '\0');
    write_big_endian(value, text.data());
    items_.emplace_back(kept_.emplace_back(std::move(text)));
    return *this;
  }

  std::deque<std::string> kept_;  // its strings do not move
  std::vector<std::optional<std::string_view>> items_;
};

}  // namespace ringfeed::cql
