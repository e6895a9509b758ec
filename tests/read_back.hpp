// Reads a split of a store back, all chunks in their order.
#pragma once

#include <arrow/record_batch.h>

#include <future>
#include <memory>
#include <ringfeed/store.hpp>
#include <string_view>
#include <vector>

namespace ringfeed::testing {

/// Throws what the reader answers with.
inline std::shared_ptr<arrow::RecordBatch> read_chunk(BlockReader& reader, std::uint64_t number) {
  std::promise<Chunk> answer;
  auto future = answer.get_future();
  reader.read(number, [&](Chunk chunk, std::exception_ptr failure) {
    if (failure != nullptr) {
      answer.set_exception(failure);
    } else {
      answer.set_value(std::move(chunk));
    }
  });
  return future.get().columns();
}

inline std::vector<std::shared_ptr<arrow::RecordBatch>> read_split(Store& store,
                                                                   const Manifest& manifest,
                                                                   std::string_view split) {
  const auto reader = store.reader(manifest, split, {}, 2);
  std::vector<std::shared_ptr<arrow::RecordBatch>> chunks;
  for (std::uint64_t i = 0; i < reader->blocks().size(); ++i)
    chunks.push_back(read_chunk(*reader, i));
  return chunks;
}

}  // namespace ringfeed::testing
