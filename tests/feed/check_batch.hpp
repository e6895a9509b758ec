// Batches of a MemoryStore: every sample says which it is.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ringfeed/batch.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// Checks every column of the batch against its ids, and appends the ids.
inline void check_batch(const Batch& batch, std::int64_t width, std::vector<std::int64_t>& ids) {
  const auto* id = batch.column("id").as<std::int64_t>();
  const auto* x = batch.column("x").as<float>();
  const auto* odd = batch.column("odd").as<std::uint8_t>();
  const auto& name = batch.column("name");
  const auto& list = batch.column("list");
  ASSERT_EQ(batch.column("x").shape, (std::vector<std::int64_t>{batch.size, width}));
  for (std::int64_t i = 0; i < batch.size; ++i) {
    for (std::int64_t k = 0; k < width; ++k)
      ASSERT_EQ(x[i * width + k], static_cast<float>(id[i] + k));
    ASSERT_EQ(odd[i], id[i] % 2);
    const char* text = name.as<char>();
    ASSERT_EQ(std::string(text + name.offsets[i], text + name.offsets[i + 1]),
              "sample " + std::to_string(id[i]));
    ASSERT_EQ(list.offsets[i + 1] - list.offsets[i], id[i] % 4);
    for (auto k = list.offsets[i]; k < list.offsets[i + 1]; ++k)
      ASSERT_EQ(list.as<std::int32_t>()[k], id[i]);
    ids.push_back(id[i]);
  }
}

}  // namespace ringfeed
