// What the fuzzer feeds to the chunk decoder, and what must hold of the answer;
// tests/dataset/corpus_test.cpp replays fuzz/corpus/chunk through the same function.
#pragma once

#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ringfeed/error.hpp>
#include <ringfeed/schema.hpp>
#include <stdexcept>

#include "dataset/chunk.hpp"

namespace ringfeed::fuzz {

inline Schema chunk_schema() {
  Schema schema;
  schema.columns = {{"image", ColumnKind::kTensor, DType::kFloat32, {2, 3}},
                    {"label", ColumnKind::kTensor, DType::kInt64, {}},
                    {"text", ColumnKind::kString, DType::kUInt8, {}},
                    {"tags", ColumnKind::kList, DType::kInt16, {}},
                    {"flag", ColumnKind::kTensor, DType::kBool, {}},
                    {"bits", ColumnKind::kTensor, DType::kBool, {3}},
                    {"raw", ColumnKind::kBinary, DType::kUInt8, {}},
                    {"marks", ColumnKind::kList, DType::kBool, {}}};
  return schema;
}

/// Reads each byte that the view of a column promises: a sanitizer sees what is outside.
inline std::uint64_t touch(const ColumnView& view, const ColumnSpec& spec, std::int64_t rows) {
  std::uint64_t sum = 0;
  const auto element = [&](std::int64_t i) {
    if (view.bit_packed) {
      const std::int64_t bit = view.bit_offset + i;
      sum += static_cast<unsigned>(view.data[bit / 8]) >> (bit % 8) & 1u;
      return;
    }
    for (std::size_t k = 0; k < view.element_bytes; ++k) {
      sum += static_cast<unsigned>(view.data[static_cast<std::size_t>(i) * view.element_bytes + k]);
    }
  };
  if (view.offsets == nullptr) {
    for (std::int64_t i = 0; i < rows * spec.elements(); ++i) element(i);
    return sum;
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    if (view.offsets[row] < 0 || view.offsets[row + 1] < view.offsets[row])
      throw std::logic_error("offsets");
    for (std::int64_t i = view.offsets[row]; i < view.offsets[row + 1]; ++i) element(i);
  }
  return sum;
}

/// The first four bytes are the number of samples, the rest is the chunk. Returns whether it was
/// accepted.
inline bool fuzz_chunk(const std::uint8_t* data, std::size_t size) {
  std::uint32_t samples = 0;
  if (size < sizeof(samples)) return false;
  std::memcpy(&samples, data, sizeof(samples));
  // A buffer of its own, so that a read behind its end is seen.
  auto bytes =
      arrow::AllocateBuffer(static_cast<std::int64_t>(size - sizeof(samples))).ValueOrDie();
  std::memcpy(bytes->mutable_data(), data + sizeof(samples), size - sizeof(samples));
  static const Schema schema = chunk_schema();
  static const auto arrow_schema = schema.to_arrow();
  try {
    const auto batch = decode_chunk(std::move(bytes), arrow_schema, samples, "fuzz");
    if (batch->num_rows() != static_cast<std::int64_t>(samples)) throw std::logic_error("rows");
    check_columns(*batch, schema, "fuzz");
    const auto views = column_views(*batch, schema);
    volatile std::uint64_t sink = 0;
    for (std::size_t i = 0; i < views.size(); ++i)
      sink = sink + touch(views[i], schema.columns[i], batch->num_rows());
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

}  // namespace ringfeed::fuzz
