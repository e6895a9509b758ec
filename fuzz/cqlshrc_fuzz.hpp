// What the fuzzer feeds to the reader of cqlsh's files, and what must hold of the answer;
// tests/cql/corpus_test.cpp replays fuzz/corpus/cqlshrc through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "cql/ini_file.hpp"

namespace ringfeed::fuzz {

/// Returns whether the text was accepted. A refusal names a line and quotes nothing, as it may be a
/// password.
inline bool fuzz_cqlshrc(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kWordsMax = 100;
  try {
    const auto file = cql::IniFile::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
    file.value("authentication", "username");
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    const std::string words = error.what();
    if (!words.starts_with("fuzz: line ") || words.size() > kWordsMax)
      throw std::logic_error("the refusal quotes the file");
    return false;
  }
}

}  // namespace ringfeed::fuzz
