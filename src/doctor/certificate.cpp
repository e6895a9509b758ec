// As much of DER as leads to the validity: tag, length and value, every length checked.
#include "doctor/certificate.hpp"

#include <algorithm>
#include <ringfeed/error.hpp>
#include <vector>

#include "base/file.hpp"

namespace ringfeed::doctor {
namespace {

constexpr std::uint64_t kPemBytesMax = std::uint64_t{16} << 20;
constexpr unsigned char kSequence = 0x30;
constexpr unsigned char kVersion = 0xA0;
constexpr unsigned char kUtcTime = 0x17;
constexpr unsigned char kGeneralizedTime = 0x18;

struct Element {
  unsigned char tag = 0;
  std::string_view value;
};

/// Takes the first element off; nothing when it is cut.
std::optional<Element> take(std::string_view& der) {
  if (der.size() < 2) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(der[i]); };
  std::size_t head = 2;
  std::size_t length = byte(1);
  if (length >= 0x80) {
    const std::size_t bytes = length & 0x7F;
    if (bytes == 0 || bytes > 4 || der.size() < 2 + bytes) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < bytes; ++i) length = length << 8 | byte(2 + i);
    head += bytes;
  }
  if (length > der.size() - head) return std::nullopt;
  Element element{byte(0), der.substr(head, length)};
  der.remove_prefix(head + length);
  return element;
}

/// YYMMDDHHMMSSZ (to 2049) or YYYYMMDDHHMMSSZ.
std::optional<Instant> time_of(const Element& element) {
  const std::size_t year_digits = element.tag == kUtcTime ? 2 : 4;
  const std::string_view text = element.value;
  if (element.tag != kUtcTime && element.tag != kGeneralizedTime) return std::nullopt;
  if (text.size() != year_digits + 11 || text.back() != 'Z') return std::nullopt;
  const auto digits = text.substr(0, text.size() - 1);
  if (!std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t size) {
    int value = 0;
    for (const char c : digits.substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  int year = number(0, year_digits);
  if (year_digits == 2) year += year < 50 ? 2000 : 1900;
  const auto at = [&](std::size_t pair) { return number(year_digits + 2 * pair, 2); };
  const std::chrono::year_month_day day(std::chrono::year(year),
                                        std::chrono::month(static_cast<unsigned>(at(0))),
                                        std::chrono::day(static_cast<unsigned>(at(1))));
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(at(2)) + std::chrono::minutes(at(3)) +
         std::chrono::seconds(at(4));
}

/// Nothing at the first character that is not base64.
std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == '=') continue;
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xFF);
  }
  return bytes;
}

}  // namespace

std::optional<Instant> expiry_of(std::string_view der) {
  const auto certificate = take(der);
  if (!certificate || certificate->tag != kSequence) return std::nullopt;
  std::string_view rest = certificate->value;
  const auto signed_part = take(rest);
  if (!signed_part || signed_part->tag != kSequence) return std::nullopt;
  rest = signed_part->value;
  if (!rest.empty() && static_cast<unsigned char>(rest.front()) == kVersion) take(rest);
  for (int i = 0; i < 3; ++i) {  // serial number, algorithm, issuer
    if (!take(rest)) return std::nullopt;
  }
  const auto validity = take(rest);
  if (!validity || validity->tag != kSequence) return std::nullopt;
  rest = validity->value;
  take(rest);  // not before
  const auto end = take(rest);
  return end ? time_of(*end) : std::nullopt;
}

std::optional<Instant> expiry_of_file(const std::string& path) {
  std::string text;
  try {
    text = read_file(path, kPemBytesMax);
  } catch (const Error&) {
    return std::nullopt;
  }
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
  std::optional<Instant> earliest;
  std::string_view rest = text;
  while (true) {
    const auto begin = rest.find(kBegin);
    if (begin == std::string_view::npos) return earliest;
    rest.remove_prefix(begin + kBegin.size());
    const auto end = rest.find(kEnd);
    if (end == std::string_view::npos) return earliest;
    const auto der = decode_base64(rest.substr(0, end));
    const auto expiry = der ? expiry_of(*der) : std::nullopt;
    if (expiry && (!earliest || *expiry < *earliest)) earliest = expiry;
  }
}

}  // namespace ringfeed::doctor
