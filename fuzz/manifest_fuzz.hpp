// What the fuzzer feeds to the manifest decoder, and what must hold of the answer;
// tests/dataset/corpus_test.cpp replays fuzz/corpus/manifest through the same function.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <ringfeed/manifest.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/hash.hpp"

namespace ringfeed::fuzz {

/// A body under a right checksum, as a hostile writer would make it.
inline std::string sealed(std::string_view body) {
  return fmt::format("{{\"xxh3\":\"{:016x}\",\"manifest\":{}}}\n", hash_bytes(body), body);
}

/// Decodes the input as a whole text and as the body of one. Returns whether either was accepted.
inline bool fuzz_manifest(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  bool accepted = false;
  for (const auto& text : {std::string(input), sealed(input)}) {
    try {
      const auto manifest = Manifest::decode(text, "fuzz");
      if (manifest.encode() != text) throw std::logic_error("two texts for one manifest");
      manifest.split_infos();
      manifest.schema.to_arrow();
      accepted = true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBadData) throw;
    }
  }
  return accepted;
}

}  // namespace ringfeed::fuzz
