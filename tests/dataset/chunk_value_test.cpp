// A chunk of bytes, of columns, and what becomes of one when the other is asked for.
#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <ringfeed/chunk.hpp>
#include <thread>
#include <vector>

#include "base/hash.hpp"
#include "dataset/chunk.hpp"
#include "dataset/mapped_buffer.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

constexpr std::uint32_t kRows = 50;

Chunk chunk_of(std::shared_ptr<arrow::Buffer> bytes, std::uint32_t samples = kRows) {
  return Chunk({.bytes = std::move(bytes),
                .arrow_schema = MemorySource({}).schema().to_arrow(),
                .samples = samples,
                .where = "set: chunk 3"});
}

TEST(ChunkValue, IsConvertedOnceAndByWhicheverCopyComesFirst) {
  const MemorySource source({});
  const Chunk chunk = source.chunk(0, kRows);
  const Chunk copy = chunk;
  const auto before = chunk_conversions();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([copy] { copy.encoded(); });
  threads.clear();
  EXPECT_EQ(chunk.encoded(), copy.encoded());
  EXPECT_EQ(chunk.hash(), hash_bytes(std::string_view(*chunk.encoded())));
  EXPECT_EQ(chunk_conversions().encoded, before.encoded + 1);
  EXPECT_EQ(chunk_conversions().decoded, before.decoded);

  const Chunk read = chunk_of(chunk.encoded());
  EXPECT_EQ(read.samples(), kRows);
  EXPECT_EQ(read.bytes(), static_cast<std::uint64_t>(chunk.encoded()->size()));
  for (int i = 0; i < 4; ++i) threads.emplace_back([read] { read.columns(); });
  threads.clear();
  EXPECT_TRUE(read.columns()->Equals(*source.make(0, kRows)));
  EXPECT_EQ(read.hash(), chunk.hash());
  EXPECT_EQ(chunk_conversions().decoded, before.decoded + 1);
  EXPECT_EQ(chunk_conversions().encoded, before.encoded + 1);
}

TEST(ChunkValue, WhatIsNoChunkIsSaidWhenItsColumnsAreWanted) {
  EXPECT_EQ(Chunk(), nullptr);
  EXPECT_EQ(Chunk(nullptr), nullptr);
  const Chunk nonsense = chunk_of(arrow::Buffer::FromString("no chunk at all"));
  EXPECT_NE(nonsense, nullptr);
  for (int i = 0; i < 2; ++i) {
    expect_error(ErrorCode::kBadData, {"set: chunk 3", "not a chunk"}, [&] { nonsense.columns(); });
  }
  const auto bytes = MemorySource({}).chunk(0, kRows).encoded();
  expect_error(ErrorCode::kBadData, {"set: chunk 3", "50 samples where the manifest has 49"},
               [&] { chunk_of(bytes, kRows - 1).columns(); });
}

TEST(ChunkValue, BytesAreThoseOfTheColumnsUntilThereAreOthers) {
  Schema schema;
  schema.columns = {{"label", ColumnKind::kTensor, DType::kInt64, {}}};
  const auto values = std::make_shared<arrow::Int64Array>(
      100, arrow::Buffer::FromVector(std::vector<std::int64_t>(100, 1)));
  const Chunk chunk(arrow::RecordBatch::Make(schema.to_arrow(), 100, {values}),
                    std::make_shared<const Schema>(schema));
  EXPECT_EQ(chunk.bytes(), 800u);
  const auto encoded = static_cast<std::uint64_t>(chunk.encoded()->size());
  EXPECT_GT(encoded, 800u);
  EXPECT_EQ(chunk.bytes(), encoded);
}

TEST(ChunkValue, DetachedItHoldsItsBytesAndLeavesNothingBehind) {
  TempFolder temp;
  const MemorySource source({});
  const auto bytes = source.chunk(0, kRows).encoded();
  write_all(temp / "file", bytes->ToString());
  const auto file = MappedFile::map(File::open_to_read(temp / "file"));
  const Chunk mapped =
      chunk_of(std::make_shared<MappedBuffer>(file, 0, static_cast<std::uint64_t>(bytes->size())));
  const Chunk own = mapped.detached();
  write_all(temp / "file", "");  // cuts it
  EXPECT_TRUE(own.columns()->Equals(*source.make(0, kRows)));
  expect_error(ErrorCode::kBadData, {temp / "file"}, [&] { mapped.columns(); });

  const Chunk columns = source.chunk(0, kRows);
  const auto of_columns = columns.bytes();
  columns.detached().encoded();
  EXPECT_EQ(columns.bytes(), of_columns) << "the bytes are held twice";
  const Chunk received = chunk_of(bytes);
  EXPECT_EQ(received.detached().encoded(), bytes) << "copied without need";
}

}  // namespace
}  // namespace ringfeed::testing
