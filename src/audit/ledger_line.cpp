// Hashes are text of 16 hexadecimal digits: not every reader of JSON has whole numbers of 64 bits.
#include "audit/ledger_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kHashDigits = 16;

constexpr std::size_t kNumberDigits = 20;

char* write_text(std::string_view text, char* to) { return std::ranges::copy(text, to).out; }

char* write_number(std::uint64_t value, char* to) {
  return std::to_chars(to, to + kNumberDigits, value).ptr;
}

/// By bytes: a line has a hash for each sample.
char* write_hash(std::uint64_t hash, char* to) {
  static constexpr auto kBytes = [] {
    std::array<std::array<char, 2>, 256> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = {"0123456789abcdef"[i / 16], "0123456789abcdef"[i % 16]};
    return bytes;
  }();
  *to++ = '"';
  for (int shift = 56; shift >= 0; shift -= 8, to += 2)
    std::memcpy(to, kBytes[(hash >> shift) & 255].data(), 2);
  *to++ = '"';
  return to;
}

template <typename Write>
char* write_list(std::span<const std::uint64_t> values, const Write& write, char* to) {
  *to++ = '[';
  for (const auto value : values) {
    to = write(value, to);
    *to++ = ',';
  }
  if (!values.empty()) --to;
  *to++ = ']';
  return to;
}

std::uint64_t hash_of(const std::string& digits) {
  std::uint64_t hash = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, hash, 16);
  if (digits.size() != kHashDigits || stop != end || error != std::errc()) {
    throw std::invalid_argument("a hash is not 16 hexadecimal digits");
  }
  return hash;
}

/// `read` throws what it likes about the JSON of the line.
template <typename Read>
auto decode(std::string_view line, std::string_view where, const Read& read) {
  try {
    return read(nlohmann::json::parse(line));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: not a line of a ledger ({})", where, error.what()));
  }
}

template <typename Number>
bool parse_digits(std::string_view text, std::size_t digits_min, Number& value) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return text.size() >= digits_min && text.front() != '-' && error == std::errc() &&
         end == text.data() + text.size();
}

}  // namespace

LedgerPosition LedgerHeader::begin() const {
  return {position.at("epoch").get<std::uint64_t>(), position.at("samples").get<std::uint64_t>()};
}

std::string encode(const LedgerHeader& header) {
  const nlohmann::ordered_json json = {
      {"ledger", kFormat},         {"start", header.start},
      {"rank", header.rank},       {"world_size", header.world_size},
      {"columns", header.columns}, {"position", header.position}};
  return json.dump() + "\n";
}

void append_batch(std::uint64_t epoch, std::uint64_t step, std::uint64_t first,
                  std::span<const std::uint64_t> samples, std::span<const std::uint64_t> hashes,
                  std::string& text) {
  constexpr std::size_t kFrameBytes = 128;  // more than all that is not a list has
  const std::size_t before = text.size();
  text.resize(before + kFrameBytes + samples.size() * (kNumberDigits + 1) +
              hashes.size() * (kHashDigits + 3));
  char* to = text.data() + before;
  to = write_text("{\"epoch\":", to);
  to = write_number(epoch, to);
  to = write_text(",\"step\":", to);
  to = write_number(step, to);
  to = write_text(",\"first\":", to);
  to = write_number(first, to);
  to = write_text(",\"samples\":", to);
  to = write_list(samples, write_number, to);
  to = write_text(",\"hashes\":", to);
  to = write_list(hashes, write_hash, to);
  to = write_text("}\n", to);
  text.resize(static_cast<std::size_t>(to - text.data()));
}

std::string encode(const LedgerEnd& end) {
  return fmt::format("{{\"end\":{{\"epoch\":{},\"samples\":{}}}}}\n", end.position.epoch,
                     end.position.samples);
}

LedgerHeader decode_header(std::string_view line, std::string_view where) {
  return decode(line, where, [](const nlohmann::json& json) {
    if (json.at("ledger").get<int>() != kFormat)
      throw std::invalid_argument("a format that this version does not know");
    LedgerHeader header{json.at("start").get<std::uint64_t>(), json.at("rank").get<int>(),
                        json.at("world_size").get<int>(),
                        json.at("columns").get<std::vector<std::string>>(), json.at("position")};
    header.begin();
    return header;
  });
}

LedgerLine decode_line(std::string_view line, std::string_view where) {
  return decode(line, where, [](const nlohmann::json& json) -> LedgerLine {
    if (json.contains("end")) {
      const auto& end = json.at("end");
      return LedgerEnd{
          {end.at("epoch").get<std::uint64_t>(), end.at("samples").get<std::uint64_t>()}};
    }
    LedgerBatch batch{json.at("epoch").get<std::uint64_t>(),
                      json.at("step").get<std::uint64_t>(),
                      json.at("first").get<std::uint64_t>(),
                      json.at("samples").get<std::vector<std::uint64_t>>(),
                      {}};
    for (const auto& hash : json.at("hashes")) {
      batch.hashes.push_back(hash_of(hash.get_ref<const std::string&>()));
    }
    if (batch.hashes.size() != batch.samples.size())
      throw std::invalid_argument("there is not one hash for each sample");
    return batch;
  });
}

std::string ledger_file_name(int rank, std::uint64_t start) {
  return fmt::format("rank-{:04}-{:03}.jsonl", rank, start);
}

bool parse_ledger_file_name(std::string_view name, LedgerFileName& parsed) noexcept {
  constexpr std::string_view kPrefix = "rank-";
  constexpr std::string_view kSuffix = ".jsonl";
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) ||
      name.size() < kPrefix.size() + kSuffix.size()) {
    return false;
  }
  name = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  const auto dash = name.find('-');
  return dash != std::string_view::npos && parse_digits(name.substr(0, dash), 4, parsed.rank) &&
         parse_digits(name.substr(dash + 1), 3, parsed.start);
}

}  // namespace ringfeed
