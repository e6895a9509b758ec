// What the fuzzer feeds to the decoder of a row table's index, and what must hold of the answer;
// tests/store/corpus_test.cpp replays fuzz/corpus/index through the same function.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "store/rows/index.hpp"

namespace ringfeed::fuzz {

/// Decodes the input as a whole text, and as the body of one under a right checksum. Returns
/// whether either was accepted.
inline bool fuzz_index(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto sealed =
      fmt::format("{{\"xxh3\":\"{:016x}\",\"index\":{}}}\n", hash_bytes(input), input);
  bool accepted = false;
  for (const auto& text : {std::string(input), sealed}) {
    try {
      const auto index = rows::RowIndex::decode(text, "fuzz");
      if (index.encode() != text) throw std::logic_error("two texts for one index");
      index.manifest().split_infos();
      index.schema().to_arrow();
      accepted = true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
    }
  }
  return accepted;
}

}  // namespace ringfeed::fuzz
