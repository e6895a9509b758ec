// What the fuzzer feeds to the reader of MDS shards, and what must hold of the answer;
// tests/source/corpus_test.cpp replays fuzz/corpus/mds through the same function.
#pragma once

#include <arrow/array.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "source/mds.hpp"
#include "source/mds_index.hpp"

namespace ringfeed::fuzz {

/// The input is an index in one line, and the bytes of its first shard. Returns whether it was
/// accepted, each sample of it.
inline bool fuzz_mds(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = std::min(input.find('\n'), size);
  const auto shard = input.substr(std::min(line + 1, size));
  try {
    const MdsIndex index = parse_mds_index(input.substr(0, line), "fuzz");
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < index.columns.size(); ++i) {
      if (index.columns[i].column.refusal.empty()) chosen.push_back(i);
    }
    MdsShardReader reader("fuzz", index.columns, shard, index.shards[0].samples);
    if (chosen.empty()) return false;
    std::uint64_t rows = 0;
    RowFaults faults;
    while (true) {
      const auto arrays = reader.next(chosen, 7, faults);
      if (arrays.empty()) break;
      for (const auto& array : arrays) {
        if (array->length() != arrays[0]->length() || !array->Validate().ok())
          throw std::logic_error("the array is wrong");
      }
      rows += static_cast<std::uint64_t>(arrays[0]->length());
    }
    if (rows != index.shards[0].samples) throw std::logic_error("samples are missing");
    return faults.empty() && rows > 0;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

}  // namespace ringfeed::fuzz
