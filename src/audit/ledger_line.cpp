// Hashes are text of 16 hexadecimal digits: not every reader of JSON has whole numbers of 64 bits.
#include "audit/ledger_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <ringfeed/error.hpp>
#include <ringfeed/order.hpp>
#include <stdexcept>

#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/option.hpp"

namespace ringfeed {
namespace {

constexpr int kFormat = 2;
constexpr std::size_t kHashDigits = 16;
constexpr std::string_view kSum = ",\"sum\":";
constexpr std::size_t kSumBytes = kSum.size() + kHashDigits + 2;
/// More ranks than any run has.
constexpr std::uint64_t kWorldSizeMax = 1'000'000;

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
    return read(parse_json(line));
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: not a line of a ledger ({})", where, json_fault(error)));
  }
}

void check_chain(std::string_view line, LedgerChain& chain, std::string_view where) {
  if (chain.follows(line)) return;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: this line, or one before it, is not as it was written: it proves "
                          "nothing; restore the file from a copy",
                          where));
}

LedgerPosition position_of(const nlohmann::json& json) {
  return {whole_number(json.at("epoch"), "epoch", kLedgerEpochMax),
          whole_number(json.at("samples"), "samples")};
}

/// Throws for values that no order has.
void check_order(const nlohmann::json& order) {
  const auto check_number = [&](const char* name, std::uint64_t least, std::uint64_t most) {
    if (whole_number(order.at(name), name, most) < least)
      throw std::invalid_argument(fmt::format("{} is 0", name));
  };
  check_number("seed", 0, UINT64_MAX);
  check_number("global_batch", 1, INT64_MAX);
  check_number("lanes", 1, most_of<std::uint64_t>("lanes"));
  check_number("window", 1, most_of<std::uint64_t>("window"));
  const auto check_name = [&](const char* name, std::initializer_list<std::string_view> names) {
    const auto& found = order.at(name).get_ref<const std::string&>();
    if (std::ranges::find(names, found) == names.end())
      throw std::invalid_argument(fmt::format("{} is '{}'", name, found));
  };
  check_name("shuffle", {"block", "full", "none"});
  check_name("tail", {"share", "drop", "join"});
}

std::vector<std::uint64_t> numbers_of(const nlohmann::json& json) {
  if (!json.is_array()) throw std::invalid_argument("samples is no list");
  std::vector<std::uint64_t> numbers;
  numbers.reserve(json.size());
  for (const auto& number : json) numbers.push_back(whole_number(number, "a sample"));
  return numbers;
}

template <typename Number>
bool parse_digits(std::string_view text, std::size_t digits_min, Number& value) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return text.size() >= digits_min && text.front() != '-' && error == std::errc() &&
         end == text.data() + text.size();
}

}  // namespace

LedgerPosition LedgerHeader::begin() const { return position_of(position); }

void LedgerChain::end_line(std::size_t begin, std::string& text) {
  hash_each(text.data() + begin, text.size() - begin, {&sum_, 1});
  const std::size_t before = text.size();
  text.resize(before + kSumBytes + 2);
  char* to = write_text(kSum, text.data() + before);
  to = write_hash(sum_, to);
  write_text("}\n", to);
}

bool LedgerChain::follows(std::string_view line) {
  if (line.size() < kSumBytes + 1) return false;
  std::string whole(line.substr(0, line.size() - kSumBytes - 1));
  end_line(0, whole);
  whole.pop_back();
  return whole == line;
}

void append(const LedgerHeader& header, LedgerChain& chain, std::string& text) {
  const std::size_t begin = text.size();
  const nlohmann::ordered_json json = {
      {"ledger", kFormat},         {"start", header.start},
      {"rank", header.rank},       {"world_size", header.world_size},
      {"columns", header.columns}, {"position", header.position}};
  text += json.dump();
  text.pop_back();
  chain.end_line(begin, text);
}

void append_batch(std::uint64_t epoch, std::uint64_t step, std::uint64_t first,
                  std::span<const std::uint64_t> samples, std::span<const std::uint64_t> hashes,
                  LedgerChain& chain, std::string& text) {
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
  text.resize(static_cast<std::size_t>(to - text.data()));
  chain.end_line(before, text);
}

void append(const LedgerEnd& end, LedgerChain& chain, std::string& text) {
  const std::size_t begin = text.size();
  text += fmt::format("{{\"end\":{{\"epoch\":{},\"samples\":{}}}", end.position.epoch,
                      end.position.samples);
  chain.end_line(begin, text);
}

LedgerHeader decode_header(std::string_view line, LedgerChain& chain, std::string_view where) {
  const auto header = decode(line, where, [](const nlohmann::json& json) {
    const auto format = whole_number(json.at("ledger"), "the format");
    if (format < kFormat)
      throw std::invalid_argument("written by an older ringfeed, which can audit it");
    if (format > kFormat) throw std::invalid_argument("written by a newer ringfeed; use that one");
    const auto world_size = whole_number(json.at("world_size"), "world_size", kWorldSizeMax);
    if (world_size == 0) throw std::invalid_argument("world_size is 0");
    LedgerHeader read{whole_number(json.at("start"), "start"),
                      static_cast<int>(whole_number(json.at("rank"), "rank", world_size - 1)),
                      static_cast<int>(world_size),
                      json.at("columns").get<std::vector<std::string>>(), json.at("position")};
    read.begin();
    check_order(read.position.at("order"));
    return read;
  });
  check_chain(line, chain, where);
  return header;
}

LedgerLine decode_line(std::string_view line, LedgerChain& chain, std::string_view where) {
  check_chain(line, chain, where);
  return decode(line, where, [](const nlohmann::json& json) -> LedgerLine {
    if (json.contains("end")) return LedgerEnd{position_of(json.at("end"))};
    LedgerBatch batch{whole_number(json.at("epoch"), "epoch", kLedgerEpochMax),
                      whole_number(json.at("step"), "step"),
                      whole_number(json.at("first"), "first"),
                      numbers_of(json.at("samples")),
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
