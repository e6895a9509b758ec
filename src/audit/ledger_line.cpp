// Hashes are text of 16 hexadecimal digits: not every reader of JSON has whole numbers of 64 bits.
#include "audit/ledger_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

constexpr int kFormat = 1;
constexpr std::size_t kHashDigits = 16;

void append_number(std::uint64_t value, std::string& text) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  text.append(digits, end);
}

void append_hash(std::uint64_t hash, std::string& text) {
  constexpr const char* kDigits = "0123456789abcdef";
  char digits[kHashDigits + 2];
  digits[0] = digits[kHashDigits + 1] = '"';
  for (std::size_t i = kHashDigits; i > 0; --i, hash >>= 4) digits[i] = kDigits[hash & 15];
  text.append(digits, sizeof(digits));
}

template <typename Append>
void append_list(const std::vector<std::uint64_t>& values, std::string& text,
                 const Append& append_one) {
  text += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ',';
    append_one(values[i], text);
  }
  text += ']';
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

Place LedgerHeader::place() const {
  return {position.at("epoch").get<std::uint64_t>(), position.at("samples").get<std::uint64_t>()};
}

std::string encode(const LedgerHeader& header) {
  const nlohmann::ordered_json json = {{"ledger", kFormat},
                                       {"start", header.start},
                                       {"rank", header.rank},
                                       {"world_size", header.world_size},
                                       {"columns", header.columns},
                                       {"position", header.position}};
  return json.dump() + "\n";
}

void append(const LedgerBatch& batch, std::string& text) {
  text += "{\"epoch\":";
  append_number(batch.epoch, text);
  text += ",\"step\":";
  append_number(batch.step, text);
  text += ",\"first\":";
  append_number(batch.first, text);
  text += ",\"samples\":";
  append_list(batch.samples, text, append_number);
  text += ",\"hashes\":";
  append_list(batch.hashes, text, append_hash);
  text += "}\n";
}

std::string encode(const LedgerEnd& end) {
  return fmt::format("{{\"end\":{{\"epoch\":{},\"samples\":{}}}}}\n", end.place.epoch,
                     end.place.samples);
}

LedgerHeader decode_header(std::string_view line, std::string_view where) {
  return decode(line, where, [](const nlohmann::json& json) {
    if (json.at("ledger").get<int>() != kFormat)
      throw std::invalid_argument("a format that this version does not know");
    LedgerHeader header{json.at("start").get<std::uint64_t>(), json.at("rank").get<int>(),
                        json.at("world_size").get<int>(),
                        json.at("columns").get<std::vector<std::string>>(), json.at("position")};
    header.place();
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
    LedgerBatch batch{json.at("epoch").get<std::uint64_t>(), json.at("step").get<std::uint64_t>(),
                      json.at("first").get<std::uint64_t>(),
                      json.at("samples").get<std::vector<std::uint64_t>>(), {}};
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
