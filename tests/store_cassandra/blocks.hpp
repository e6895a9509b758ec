// Packed data sets for the tests of stores in Cassandra: what goes in, and what comes out.
#pragma once

#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cstdint>
#include <exception>
#include <latch>
#include <map>
#include <memory>
#include <ringfeed/ingest.hpp>
#include <ringfeed/store.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ingest/memory_source.hpp"

namespace ringfeed::testing {

/// Two splits, train and val, in chunks of about 4 KiB.
inline IngestResult ingest_into(Store& store, std::int64_t samples, std::int64_t first = 0,
                                bool append = false) {
  MemorySource::Options source;
  source.samples = samples;
  source.first = first;
  source.fingerprint = static_cast<std::uint64_t>(samples * 1000003 + first);
  MemorySource memory(source);
  IngestOptions options;
  options.chunk_bytes = 4096;
  options.splits = {{"train", 0.75}, {"val", 0.25}};
  options.append = append;
  return ingest(memory, store, options);
}

/// What became of a read: the columns, or why there are none.
struct ReadResult {
  std::shared_ptr<arrow::RecordBatch> chunk = nullptr;
  std::exception_ptr failure = nullptr;

  ReadResult() = default;
  ReadResult(const Chunk& read, std::exception_ptr reason) : failure(std::move(reason)) {
    if (read != nullptr) chunk = read.columns();
  }
};

/// All blocks, asked for at once.
inline std::vector<ReadResult> read_all_blocks(BlockReader& reader) {
  std::vector<ReadResult> results(reader.blocks().size());
  std::latch left(static_cast<std::ptrdiff_t>(results.size()));
  for (std::uint64_t i = 0; i < results.size(); ++i) {
    reader.read(i, [&, i](const Chunk& chunk, const std::exception_ptr& failure) {
      results[i] = {chunk, failure};
      left.count_down();
    });
  }
  left.wait();
  return results;
}

inline std::vector<ReadResult> read_all_blocks(Store& store, const Manifest& manifest,
                                               const std::string& split) {
  return read_all_blocks(*store.reader(manifest, split, {}, 2));
}

/// Samples, bytes and hash of each chunk, by split.
using ChunksBySplit =
    std::map<std::string, std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>>>;

inline ChunksBySplit chunks_of(const Manifest& manifest) {
  ChunksBySplit chunks;
  for (const auto& part : manifest.parts) {
    for (std::size_t i = 0; i < part.chunk_hash.size(); ++i)
      chunks[part.split].emplace_back(part.chunk_samples[i], part.chunk_bytes[i],
                                      part.chunk_hash[i]);
  }
  return chunks;
}

/// One column, "label".
inline std::shared_ptr<arrow::RecordBatch> batch_of(const std::vector<std::int64_t>& labels) {
  const auto values = std::make_shared<arrow::Int64Array>(static_cast<std::int64_t>(labels.size()),
                                                          arrow::Buffer::FromVector(labels));
  Schema schema;
  schema.columns = {{"label", ColumnKind::kTensor, DType::kInt64, {}}};
  return arrow::RecordBatch::Make(schema.to_arrow(), values->length(), {values});
}

}  // namespace ringfeed::testing
