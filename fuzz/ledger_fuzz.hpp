// What the fuzzer feeds to the reader of a ledger's lines, and what must hold of the answer;
// tests/audit/corpus_test.cpp replays fuzz/corpus/ledger through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "audit/ledger_line.hpp"

namespace ringfeed::fuzz {

inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// Whether the text is a header, and lines behind it.
inline bool is_ledger(std::string_view text) {
  LedgerChain chain;
  bool begun = false;
  try {
    for (const auto line : lines_of(text)) {
      if (begun)
        decode_line(line, chain, "fuzz");
      else
        decode_header(line, chain, "fuzz");
      begun = true;
    }
    return begun;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

/// Reads the input as a file, and its lines with the checksums that they would have. Returns
/// whether either was accepted.
inline bool fuzz_ledger(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  LedgerChain chain;
  std::string sealed;
  for (auto line : lines_of(input)) {
    if (line.ends_with('}')) line.remove_suffix(1);
    const std::size_t begin = sealed.size();
    sealed += line;
    chain.end_line(begin, sealed);
  }
  const bool accepted = is_ledger(input);
  return is_ledger(sealed) || accepted;
}

}  // namespace ringfeed::fuzz
