// The lines of a ledger's file as text (docs/ledger.md): a header, a line per batch, an end. Each
// ends with a checksum of it and of those before it.
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

/// More epochs than any run has; a higher number is damage.
inline constexpr std::uint64_t kLedgerEpochMax = std::uint64_t{1} << 48;

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

/// The checksum that goes from line to line of a file: of each line the XXH3-64 of its text up to
/// the checksum, seeded by that of the line before; 0 before the first.
class LedgerChain {
 public:
  /// Ends a line, which begins at `begin` of the text and has no end yet: with the checksum, a
  /// brace and a line feed.
  void end_line(std::size_t begin, std::string& text);
  /// Whether this line, without its line feed, is the next one.
  bool follows(std::string_view line);

 private:
  std::uint64_t sum_ = 0;
};

// Append a line that `chain` ends.
void append(const LedgerHeader& header, LedgerChain& chain, std::string& text);
/// A LedgerBatch, with its lists where they are.
void append_batch(std::uint64_t epoch, std::uint64_t step, std::uint64_t first,
                  std::span<const std::uint64_t> samples, std::span<const std::uint64_t> hashes,
                  LedgerChain& chain, std::string& text);
void append(const LedgerEnd& end, LedgerChain& chain, std::string& text);

// Throw Error{kBadData} that starts with `where`: also for a line that is not the next of `chain`.
LedgerHeader decode_header(std::string_view line, LedgerChain& chain, std::string_view where);
LedgerLine decode_line(std::string_view line, LedgerChain& chain, std::string_view where);

/// "rank-0003-012.jsonl"
std::string ledger_file_name(int rank, std::uint64_t start);
struct LedgerFileName {
  int rank = 0;
  std::uint64_t start = 0;
};
/// False when it is not the name of a ledger's file.
bool parse_ledger_file_name(std::string_view name, LedgerFileName& parsed) noexcept;

}  // namespace ringfeed
