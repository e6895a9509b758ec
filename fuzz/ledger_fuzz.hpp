// What the fuzzer feeds to the reader of a ledger's lines, and what must hold of the answer;
// tests/audit/corpus_test.cpp replays fuzz/corpus/ledger through the same function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "audit/ledger_line.hpp"

namespace ringfeed::fuzz {

/// Decodes the lines of the input, the first of them as the header; false when one is refused.
inline bool decodes(const std::vector<std::string>& lines) {
  LedgerChain chain;
  try {
    decode_header(lines.front(), chain, "fuzz").begin();
    for (std::size_t i = 1; i < lines.size(); ++i) decode_line(lines[i], chain, "fuzz");
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

/// Decodes the input as the lines of a file, and as lines that end before their checksums, which
/// are right then. Returns whether either was accepted.
inline bool fuzz_ledger(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> lines;
  std::vector<std::string> summed;
  LedgerChain chain;
  do {
    const auto end = std::min(rest.find('\n'), rest.size());
    lines.emplace_back(rest.substr(0, end));
    summed.push_back(lines.back());
    chain.end_line(0, summed.back());
    summed.back().pop_back();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  } while (!rest.empty());
  const bool accepted = decodes(lines);
  return decodes(summed) || accepted;
}

}  // namespace ringfeed::fuzz
