// What the fuzzer feeds to the parser of steps, and what must hold of the answer;
// tests/image/corpus_test.cpp replays fuzz/corpus/image_steps through the same function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ringfeed::fuzz {

/// Returns whether the text was accepted: then that of its steps is one that means the same.
inline bool fuzz_image_steps(const std::uint8_t* data, std::size_t size) {
  std::string text;
  try {
    const auto steps =
        ImageSteps::parse(std::string_view(reinterpret_cast<const char*>(data), size));
    text = steps.text();
    if (steps.shape().size() != 3) throw std::logic_error("a picture has three dimensions");
    ImageSteps::parse(steps.for_validation().text());
  } catch (const Error& error) {
    const std::string_view words = error.what();
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    if (std::ranges::any_of(words, [](unsigned char c) { return c < ' '; }))
      throw std::logic_error("an error is one line");
    return false;
  }
  if (ImageSteps::parse(text).text() != text)
    throw std::logic_error("the text means something else");
  return true;
}

}  // namespace ringfeed::fuzz
