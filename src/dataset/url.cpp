// Parsing and printing of data set addresses. An address that was typed may hold a password: no
// message quotes it without redacted().
#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>

#include "base/option.hpp"
#include "base/printable.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kUrlBytesMax = 8192;

constexpr std::size_t kHostBytesMax = 253;  // of a DNS name
constexpr std::size_t kKeyspaceBytesMax = 48;
constexpr std::size_t kTableBytesMax = 222;
constexpr std::string_view kCassandra = "cassandra:";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

/// Of an address of another machine: where user and host begin. 0 when it is a path.
std::size_t authority_begin(std::string_view text) {
  const auto slashes = text.find("://");
  if (slashes != std::string_view::npos) return slashes + 3;
  return lower(text.substr(0, kCassandra.size())) == kCassandra ? kCassandra.size() : 0;
}

bool is_password_key(std::string_view key) {
  const std::string name = lower(key);
  return name.find("pass") != std::string::npos || name.find("pwd") != std::string::npos;
}

/// The text, as one line, with *** for what is, or may be meant as, a password: all from the first
/// colon to the last @, since a password typed as it is may hold any character; and the value of
/// ?password= and the like.
std::string redacted(std::string_view text) {
  std::string result(text);
  std::ranges::replace_if(result, [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  const auto begin = authority_begin(text);
  const auto colon = result.find(':', begin);
  const auto at = result.rfind('@');
  if (begin > 0 && colon < at && at != std::string::npos)
    result.replace(colon + 1, at - colon - 1, "***");
  for (auto place = result.find('?'); place != std::string::npos;
       place = result.find('&', place + 1)) {
    const auto equals = result.find('=', place);
    if (equals == std::string::npos) break;
    if (!is_password_key(std::string_view(result).substr(place, equals - place))) continue;
    result.replace(equals + 1, std::string::npos, "***");
    break;
  }
  return result;
}

[[noreturn]] void refuse(std::string_view text, std::string_view what) {
  const bool cassandra = lower(text.substr(0, kCassandra.size())) == kCassandra;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("'{}': {}; the form is {}", redacted(text), printable(what),
                          cassandra ? "cassandra://[USER@]HOST[:PORT][,HOST...]/KEYSPACE/NAME"
                                      "[?split=NAME][&version=N]"
                                    : "PATH[?split=NAME][&version=N] or file:///PATH..."));
}

[[noreturn]] void refuse_password(std::string_view text) {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("'{}': a password in an address can be seen by everyone; leave it out, and {}",
                  redacted(text), ways_to_give_password()));
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

/// `reserved`: characters that have a meaning where the part goes.
std::string percent_encode(std::string_view part, std::string_view reserved = "%?#&=+") {
  std::string result;
  for (const char c : part) {
    const auto code = static_cast<unsigned char>(c);
    if (code > 0x20 && code < 0x7F && reserved.find(c) == std::string_view::npos) {
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
  } else if (is_password_key(key)) {
    refuse_password(text);
  } else {
    refuse(text, fmt::format("unknown option '{}'", key));
  }
}

/// The scheme before "://", when what stands there can be one.
std::string_view scheme_of(std::string_view text) {
  const auto end = text.find("://");
  if (end == std::string_view::npos || end == 0) return {};
  for (const char c : text.substr(0, end)) {
    if (!is_letter_or_digit(c) && c != '+' && c != '-' && c != '.') return {};
  }
  return text.substr(0, end);
}

void check_host(std::string_view host, std::string_view text) {
  std::string_view name = host;
  std::string_view port;
  bool has_port = false;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) refuse(text, "an IPv6 address has no closing bracket");
    in6_addr address = {};
    const std::string inside(host.substr(1, end - 1));
    if (::inet_pton(AF_INET6, inside.c_str(), &address) != 1)
      refuse(text, "what stands in brackets is not an IPv6 address");
    const std::string_view rest = host.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') refuse(text, "after an IPv6 address stands no :PORT");
    has_port = !rest.empty();
    port = has_port ? rest.substr(1) : rest;
  } else {
    const auto colon = host.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) {
      name = host.substr(0, colon);
      port = host.substr(colon + 1);
    }
    if (port.find(':') != std::string_view::npos)
      refuse(text, "a host has several colons; write an IPv6 address in brackets");
    if (name.empty()) refuse(text, "a host is empty");
    const auto fits = [](char c) {
      return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
    };
    if (name.size() > kHostBytesMax || !std::all_of(name.begin(), name.end(), fits))
      refuse(text, "a host is not a name or an address");
  }
  if (!has_port) return;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0)
    refuse(text, "a port is not a number from 1 to 65535");
}

void check_name(std::string_view what, std::string_view name, std::size_t bytes_max,
                std::string_view text) {
  const auto fits = [](char c) { return is_letter_or_digit(c) || c == '_'; };
  if (name.size() > bytes_max || !std::all_of(name.begin(), name.end(), fits)) {
    refuse(text, fmt::format("the {} is not 1 to {} letters, digits and _, which is all that "
                             "Cassandra takes",
                             what, bytes_max));
  }
}

/// `rest` is `text` behind cassandra:// and before the options.
void parse_cassandra(std::string_view rest, std::string_view text, Url& url) {
  url.scheme = "cassandra";
  if (redacted(text) != text) refuse_password(text);
  const auto slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string user = percent_decode(authority.substr(0, at), text);
    if (user.empty()) refuse(text, "the user before @ is empty");
    if (user.find('\0') != std::string::npos) refuse(text, "the user has a zero byte");
    url.user = user;
    authority.remove_prefix(at + 1);
  }
  if (authority.empty()) refuse(text, "it names no host");
  while (true) {
    const auto comma = authority.find(',');
    check_host(authority.substr(0, comma), text);
    url.hosts.emplace_back(authority.substr(0, comma));
    if (comma == std::string_view::npos) break;
    authority.remove_prefix(comma + 1);
  }
  std::string_view names = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  const auto second = names.find('/');
  url.keyspace = percent_decode(names.substr(0, second), text);
  if (second != std::string_view::npos) url.name = percent_decode(names.substr(second + 1), text);
  if (url.keyspace.empty()) refuse(text, "it names no keyspace");
  check_name("keyspace", url.keyspace, kKeyspaceBytesMax, text);
  check_name("name", url.name, kTableBytesMax, text);
}

void parse_file(std::string_view path, std::string_view text, Url& url) {
  path.remove_prefix(std::string_view("file://").size());
  if (path.substr(0, 10) == "localhost/") path.remove_prefix(9);
  if (path.empty() || path[0] != '/')
    refuse(text, "a file URL names another host; write file:///PATH");
  url.path = percent_decode(path, text);
  if (url.path.find('\0') != std::string::npos) refuse(text, "the path contains a zero byte");
}

}  // namespace

Url Url::parse(std::string_view text) {
  if (text.size() > kUrlBytesMax)
    refuse(text.substr(0, authority_begin(text)), "the address is too long");
  if (text.find('\0') != std::string_view::npos) refuse("", "the address contains a zero byte");
  Url url;
  const auto question = text.find('?');
  std::string_view path = text.substr(0, question);
  const auto scheme = scheme_of(path);
  if (scheme == "cassandra") {
    parse_cassandra(path.substr(kCassandra.size() + 2), text, url);
  } else if (scheme == "file") {
    parse_file(path, text, url);
  } else if (!scheme.empty()) {
    refuse(text, fmt::format("unknown scheme '{}'", scheme));
  } else if (lower(path.substr(0, kCassandra.size())) == kCassandra) {
    refuse(text, "cassandra: is followed by two slashes");
  } else {
    url.path = std::string(path);
  }
  while (url.path.size() > 1 && url.path.back() == '/') url.path.pop_back();
  if (url.scheme == "file" && url.path.empty()) refuse(text, "the path is empty");
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
  if (scheme == "cassandra") {
    result =
        fmt::format("cassandra://{}{}/{}", user ? percent_encode(*user, "%?#&=+@/:,") + "@" : "",
                    fmt::join(hosts, ","), keyspace);
    if (!name.empty()) result += "/" + name;
  } else if (path.find('?') != std::string::npos || !scheme_of(path).empty()) {
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
