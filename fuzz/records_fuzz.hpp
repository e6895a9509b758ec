// What the fuzzer feeds to the readers of whole files, and what must hold of their records;
// tests/source/corpus_test.cpp replays fuzz/corpus/csv, fuzz/corpus/json_lines and
// fuzz/corpus/arrow through the same functions.
#pragma once

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ringfeed/error.hpp>
#include <ringfeed/source.hpp>
#include <stdexcept>
#include <string_view>

#include "base/file.hpp"
#include "dataset/chunk.hpp"
#include "source/arrow_file.hpp"
#include "source/csv.hpp"
#include "source/json_lines.hpp"

namespace ringfeed::fuzz {

/// The input as a whole file. Returns whether it was accepted, each record of it.
template <typename Open>
bool fuzz_records(Open&& open, const std::uint8_t* data, std::size_t size) {
  File file = File::create_unnamed("/dev/shm");
  file.write({reinterpret_cast<const char*>(data), size});
  try {
    SourceOptions options;
    options.on_bad = OnBad::kSkip;
    options.row_number = "the number of the record";
    const auto source = open({fmt::format("/proc/self/fd/{}", file.descriptor())}, options);
    std::int64_t rows = 0;
    while (const auto batch = source->next()) {
      check_columns(*batch, source->schema(), "fuzz");
      if (!batch->ValidateFull().ok()) throw std::logic_error("the batch is wrong");
      rows += batch->num_rows();
    }
    return source->rejected() == 0 && rows > 0;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData && error.code() != ErrorCode::kInvalidArgument) throw;
    return false;
  }
}

inline bool fuzz_csv(const std::uint8_t* data, std::size_t size) {
  return fuzz_records(open_csv, data, size);
}

inline bool fuzz_json_lines(const std::uint8_t* data, std::size_t size) {
  return fuzz_records(open_json_lines, data, size);
}

inline bool fuzz_arrow(const std::uint8_t* data, std::size_t size) {
  return fuzz_records(open_arrow_files, data, size);
}

}  // namespace ringfeed::fuzz
