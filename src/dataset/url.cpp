// Parsing and printing of data set addresses.
#include <fmt/format.h>

#include <charconv>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>

namespace ringfeed {
namespace {

constexpr std::size_t kUrlBytesMax = 8192;

[[noreturn]] void refuse(std::string_view text, std::string_view what) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("'{}': {}; the form is PATH[?split=NAME][&version=N] or file:///PATH...",
                          text, what));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decode(std::string_view part, std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] != '%') {
      result += part[i];
      continue;
    }
    const int high = i + 2 < part.size() ? hex_digit(part[i + 1]) : -1;
    const int low = i + 2 < part.size() ? hex_digit(part[i + 2]) : -1;
    if (high < 0 || low < 0) refuse(text, "a % is not followed by two hexadecimal digits");
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

std::string percent_encode(std::string_view part) {
  std::string result;
  for (const char c : part) {
    const auto code = static_cast<unsigned char>(c);
    if (code > 0x20 && code < 0x7F &&
        std::string_view("%?#&=+").find(c) == std::string_view::npos) {
      result += c;
    } else {
      result += fmt::format("%{:02X}", code);
    }
  }
  return result;
}

void parse_option(std::string_view option, std::string_view text, Url& url) {
  const auto equals = option.find('=');
  const auto key = option.substr(0, equals);
  const std::string value =
      equals == std::string_view::npos ? "" : percent_decode(option.substr(equals + 1), text);
  if (key == "split") {
    if (url.split) refuse(text, "split= stands twice");
    if (value.empty()) refuse(text, "split= names no split");
    url.split = value;
  } else if (key == "version") {
    if (url.version) refuse(text, "version= stands twice");
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number == 0) {
      refuse(text, "version= is not a number from 1");
    }
    url.version = number;
  } else {
    refuse(text, fmt::format("unknown option '{}'", key));
  }
}

/// The scheme before "://", when what stands there can be one.
std::string_view scheme_of(std::string_view text) {
  const auto end = text.find("://");
  if (end == std::string_view::npos || end == 0) return {};
  for (const char c : text.substr(0, end)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return {};
  }
  return text.substr(0, end);
}

}  // namespace

Url Url::parse(std::string_view text) {
  if (text.size() > kUrlBytesMax) refuse(text.substr(0, 80), "the address is too long");
  if (text.find('\0') != std::string_view::npos) refuse("", "the address contains a zero byte");
  Url url;
  const auto question = text.find('?');
  std::string_view path = text.substr(0, question);
  const auto scheme = scheme_of(path);
  if (scheme == "cassandra") {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("'{}': this build has no Cassandra store yet; name a local folder", text));
  }
  if (scheme == "file") {
    path.remove_prefix(std::string_view("file://").size());
    if (path.substr(0, 10) == "localhost/") path.remove_prefix(9);
    if (path.empty() || path[0] != '/')
      refuse(text, "a file URL names another host; write file:///PATH");
    url.path = percent_decode(path, text);
    if (url.path.find('\0') != std::string::npos) refuse(text, "the path contains a zero byte");
  } else if (!scheme.empty()) {
    refuse(text, fmt::format("unknown scheme '{}'", scheme));
  } else {
    url.path = std::string(path);
  }
  while (url.path.size() > 1 && url.path.back() == '/') url.path.pop_back();
  if (url.path.empty()) refuse(text, "the path is empty");
  if (question != std::string_view::npos) {
    std::string_view options = text.substr(question + 1);
    while (true) {
      const auto next = options.find('&');
      parse_option(options.substr(0, next), text, url);
      if (next == std::string_view::npos) break;
      options.remove_prefix(next + 1);
    }
  }
  return url;
}

std::string Url::text() const {
  std::string result = path;
  if (path.find('?') != std::string::npos || !scheme_of(path).empty()) {
    // Only an absolute path has a file URL; a relative one with a ? in it gets its folder in front.
    result = path[0] == '/' ? "file://" + percent_encode(path) : path;
  }
  char separator = '?';
  if (split) {
    result += fmt::format("{}split={}", separator, percent_encode(*split));
    separator = '&';
  }
  if (version) result += fmt::format("{}version={}", separator, *version);
  return result;
}

}  // namespace ringfeed
