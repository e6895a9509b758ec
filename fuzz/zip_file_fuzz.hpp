// What the fuzzer feeds to the check of a model's zip file; tests/train/corpus_test.cpp replays
// fuzz/corpus/zip_file through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "train/zip_file.hpp"

namespace ringfeed::fuzz {

/// Looks at the input as a zip file. Returns whether nothing is wrong with it.
inline bool fuzz_zip_file(const std::uint8_t* data, std::size_t size) {
  return zip_fault({reinterpret_cast<const char*>(data), size}).empty();
}

}  // namespace ringfeed::fuzz
