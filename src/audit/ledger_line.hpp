// The lines of a ledger's file as text (docs/ledger.md): a header, a line per batch, an end.
#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ringfeed {

/// A position between two steps: so many samples of that epoch were handed out by all ranks
/// together.
struct LedgerPosition {
  std::uint64_t epoch = 0;
  std::uint64_t samples = 0;
  auto operator<=>(const LedgerPosition&) const = default;
};

struct LedgerHeader {
  std::uint64_t start = 0;
  int rank = 0;
  int world_size = 1;
  std::vector<std::string> columns;  ///< whose bytes are hashed, in this order
  nlohmann::json position;           ///< encode_position(): the order and the place in it

  LedgerPosition begin() const;  ///< where its first batch is
};

struct LedgerBatch {
  std::uint64_t epoch = 0;
  std::uint64_t step = 0;
  std::uint64_t first = 0;
  std::vector<std::uint64_t> samples;
  std::vector<std::uint64_t> hashes;
};

/// The run ended here, and was not cut off.
struct LedgerEnd {
  LedgerPosition position;
};

using LedgerLine = std::variant<LedgerBatch, LedgerEnd>;

// Each with its line feed.
std::string encode(const LedgerHeader& header);
/// A LedgerBatch, with its lists where they are.
void append_batch(std::uint64_t epoch, std::uint64_t step, std::uint64_t first,
                  std::span<const std::uint64_t> samples, std::span<const std::uint64_t> hashes,
                  std::string& text);
std::string encode(const LedgerEnd& end);

// Throw Error{kBadData} that starts with `where`.
LedgerHeader decode_header(std::string_view line, std::string_view where);
LedgerLine decode_line(std::string_view line, std::string_view where);

/// "rank-0003-012.jsonl"
std::string ledger_file_name(int rank, std::uint64_t start);
struct LedgerFileName {
  int rank = 0;
  std::uint64_t start = 0;
};
/// False when it is not the name of a ledger's file.
bool parse_ledger_file_name(std::string_view name, LedgerFileName& parsed) noexcept;

}  // namespace ringfeed
