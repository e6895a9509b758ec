// What stands around the body is compared as text.
#include "base/sealed.hpp"

#include <fmt/format.h>

#include "base/hash.hpp"

namespace ringfeed {
namespace {

constexpr std::string_view kSuffix = "}\n";

std::string head_of(std::string_view name, std::string_view body) {
  return fmt::format("{{\"xxh3\":\"{:016x}\",\"{}\":", hash_bytes(body), name);
}

}  // namespace

std::string seal(std::string_view name, std::string_view body) {
  return fmt::format("{}{}{}", head_of(name, body), body, kSuffix);
}

std::optional<std::string_view> unseal(std::string_view name, std::string_view text) {
  const std::size_t head_bytes = head_of(name, "").size();
  if (text.size() < head_bytes + kSuffix.size() || !text.ends_with(kSuffix)) return std::nullopt;
  const auto body = text.substr(head_bytes, text.size() - head_bytes - kSuffix.size());
  if (!text.starts_with(head_of(name, body))) return std::nullopt;
  return body;
}

}  // namespace ringfeed
