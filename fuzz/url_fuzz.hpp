// What the fuzzer feeds to the parser of addresses, and what must hold of the answer;
// tests/dataset/corpus_test.cpp replays fuzz/corpus/url through the same function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringfeed::fuzz {

/// Returns whether the address was accepted: then its text is one that means the same.
inline bool fuzz_url(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string text;
  try {
    text = Url::parse(input).text();
  } catch (const Error& error) {
    const std::string_view words = error.what();
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    if (std::ranges::any_of(words, [](unsigned char c) { return c < ' '; }))
      throw std::logic_error("an error is one line");
    return false;
  }
  if (Url::parse(text).text() != text) throw std::logic_error("the text means something else");
  return true;
}

}  // namespace ringfeed::fuzz
