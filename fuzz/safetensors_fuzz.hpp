// What the fuzzer feeds to the reader of weights, and what must hold of the answer;
// tests/train/corpus_test.cpp replays fuzz/corpus/safetensors through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <string_view>

#include "train/safetensors.hpp"

namespace ringfeed::fuzz {

/// Reads the input as a file of weights. Returns whether it was accepted.
inline bool fuzz_safetensors(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& tensor : read_safetensors(input)) {
      const auto* const begin = static_cast<const char*>(tensor.data);
      if (begin < input.data() || tensor.bytes > size || begin + tensor.bytes > input.data() + size)
        throw std::logic_error("a tensor that lies outside of its file");
    }
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

}  // namespace ringfeed::fuzz
