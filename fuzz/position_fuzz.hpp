// What the fuzzer feeds to the decoder of positions, and what must hold of the answer;
// tests/feed/corpus_test.cpp replays fuzz/corpus/position through the same function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <stdexcept>
#include <string_view>

#include "../tests/feed/memory_store.hpp"

namespace ringfeed::fuzz {

/// Decodes the input as a position in a data set of 100 samples. Returns whether it was accepted.
inline bool fuzz_position(const std::uint8_t* data, std::size_t size) {
  static const auto dataset = [] {
    MemoryPlan plan;
    plan.block_samples.assign(10, 10);
    return dataset_of(std::make_shared<MemoryStore>(plan));
  }();
  OrderOptions order;
  order.global_batch = 16;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    const auto position = decode_position(input, *dataset, order);
    if (position.samples > dataset->size()) throw std::logic_error("a position behind the end");
    if (decode_position(encode_position(position, *dataset, order), *dataset, order) != position)
      throw std::logic_error("two positions for one text");
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData && error.code() != ErrorCode::kInvalidArgument) throw;
    return false;
  }
}

}  // namespace ringfeed::fuzz
