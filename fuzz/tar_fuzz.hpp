// What the fuzzer feeds to the reader of tar archives of WebDataset, and what must hold of the
// answer; tests/source/corpus_test.cpp replays fuzz/corpus/tar through the same function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <span>
#include <stdexcept>
#include <string_view>

#include "source/webdataset.hpp"

namespace ringfeed::fuzz {

/// Returns whether it was accepted, and each sample of it.
inline bool fuzz_tar(const std::uint8_t* data, std::size_t size) {
  std::span<const std::uint8_t> rest(data, size);
  const auto read = [&](std::span<std::byte> space) {
    const auto bytes = std::min(rest.size(), space.size());
    std::copy_n(reinterpret_cast<const std::byte*>(rest.data()), bytes, space.data());
    rest = rest.subspan(bytes);
    return bytes;
  };
  try {
    WebDatasetReader reader("fuzz", read, nullptr);
    bool is_good = false;
    std::size_t bytes = 0;
    while (const auto sample = reader.next()) {
      if (sample->key.empty()) throw std::logic_error("a sample without a key");
      for (const auto& part : sample->parts) bytes += part.second.size();
      if (bytes > size) throw std::logic_error("more bytes than there are");
      if (!sample->fault.empty()) return false;
      columns_of(*sample);
      is_good = true;
    }
    return is_good;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

}  // namespace ringfeed::fuzz
