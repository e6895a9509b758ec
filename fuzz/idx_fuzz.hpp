// What the fuzzer feeds to the IDX reader, and what must hold of the answer;
// tests/source/corpus_test.cpp replays fuzz/corpus/idx through the same function.
#pragma once

#include <arrow/array.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ringfeed/error.hpp>
#include <span>
#include <stdexcept>

#include "source/idx_header.hpp"
#include "source/mapped_column.hpp"

namespace ringfeed::fuzz {

inline std::optional<RawArray> idx_header_of(std::span<const std::byte> start,
                                             std::optional<std::uint64_t> size) {
  try {
    return parse_idx_header(start, size);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return std::nullopt;
  }
}

/// The input as a whole file: its header, with and without the size known, then all of its data.
/// Returns whether it was accepted.
inline bool fuzz_idx(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto start = bytes.first(std::min(size, kIdxHeaderBytesMax));
  const auto streamed = idx_header_of(start, std::nullopt);
  const auto header = idx_header_of(start, size);
  if (!header) return false;
  const ColumnSpec spec{"x", ColumnKind::kTensor, header->format.dtype, header->shape};
  const auto samples = static_cast<std::uint64_t>(header->samples);
  if (!streamed || streamed->sample_bytes != header->sample_bytes ||
      header->sample_bytes !=
          static_cast<std::uint64_t>(spec.elements()) * header->format.item_bytes ||
      header->data_offset + samples * header->sample_bytes != size) {
    throw std::logic_error("the header does not fit the file");
  }
  const auto array =
      decode_column(header->format, spec, header->samples, bytes.data() + header->data_offset);
  if (array->length() != header->samples || !array->ValidateFull().ok())
    throw std::logic_error("the array is wrong");
  return true;
}

}  // namespace ringfeed::fuzz
