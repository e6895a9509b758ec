// The files of a folder of ledgers: one rank's lines one after the other, and the ranks of each
// start together.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/ledger_line.hpp"
#include "base/file.hpp"

namespace ringfeed {

/// A line, and where it stands.
struct PlacedLine {
  LedgerLine line;
  std::string where;  ///< "rank-0001-000.jsonl:7"
};

/// Reads one file. What follows the last line feed was cut off while it was written, and is left
/// out.
class LedgerFile {
 public:
  /// A file without a whole header: header() is nothing, and there are no lines. Throws
  /// Error{kBadData} for one that is no ledger.
  LedgerFile(const std::string& folder, const LedgerFileName& name);

  const std::optional<LedgerHeader>& header() const noexcept { return header_; }
  const std::string& name() const noexcept { return name_; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  /// Whether its last line says that the run ended.
  bool ended() const noexcept { return ended_; }
  /// Nothing at the end. Throws Error{kBadData} for a line that is none of a ledger.
  std::optional<PlacedLine> next();

 private:
  std::optional<std::string_view> next_text();

  std::string name_;
  File in_;
  std::uint64_t bytes_;
  bool ended_;
  std::string ahead_;      ///< bytes that were read
  std::size_t taken_ = 0;  ///< of them, as lines
  LedgerChain chain_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t line_ = 0;
  std::optional<LedgerHeader> header_;
};

/// Whether the file's last line says that the run ended; false where there is no such file.
bool has_ended(const std::string& folder, const LedgerFileName& name);

/// The ranks of one start by their number, those without a whole header too.
using LedgerStart = std::map<int, LedgerFile>;

/// By number. Throws Error{kNotFound} where there is none.
std::map<std::uint64_t, LedgerStart> open_ledgers(const std::string& folder);

}  // namespace ringfeed
