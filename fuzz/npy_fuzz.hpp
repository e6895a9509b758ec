// What the fuzzer feeds to the npy reader, and what must hold of the answer;
// tests/source/corpus_test.cpp replays fuzz/corpus/npy through the same function.
#pragma once

#include <arrow/array.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ringfeed/error.hpp>
#include <span>
#include <stdexcept>

#include "source/mapped_column.hpp"
#include "source/npy_header.hpp"

namespace ringfeed::fuzz {

/// The input as a whole file: its header, then all of its data. Returns whether it was accepted.
inline bool fuzz_npy(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  RawArray header;
  try {
    header = parse_npy_header(bytes.first(std::min(size, kNpyHeaderBytesMax)), size);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
  const ColumnSpec spec{"x", ColumnKind::kTensor, header.format.dtype, header.shape};
  const auto samples = static_cast<std::uint64_t>(header.samples);
  if (header.sample_bytes !=
          static_cast<std::uint64_t>(spec.elements()) * header.format.item_bytes ||
      header.data_offset + samples * header.sample_bytes != size) {
    throw std::logic_error("the header does not fit the file");
  }
  const auto array =
      decode_column(header.format, spec, header.samples, bytes.data() + header.data_offset);
  if (array->length() != header.samples || !array->ValidateFull().ok())
    throw std::logic_error("the array is wrong");
  return true;
}

}  // namespace ringfeed::fuzz
