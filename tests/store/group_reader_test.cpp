// Column groups read side by side: which of them are read, and what becomes of errors and of chunks
// that hold several row groups.
#include "store/group_reader.hpp"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <map>
#include <ringfeed/dataset.hpp>
#include <ringfeed/ingest.hpp>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "read_back.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

using Groups = std::vector<ColumnPlaces>;
constexpr std::int64_t kSamples = 900;

/// A data set with these groups, in chunks of 4 KiB and parts of 12,000 bytes.
Manifest write_set(const std::string& folder,
                   std::optional<std::vector<std::vector<std::string>>> groups) {
  LocalStore store(folder, {.part_bytes = 12'000});
  MemorySource source({.samples = kSamples});
  IngestOptions options{.splits = {{"train", 0.8}, {"val", 0.2}}, .chunk_bytes = 4096};
  options.column_groups = std::move(groups);
  return ingest(source, store, options).manifest;
}

/// The columns of a split, one block behind the other.
std::shared_ptr<arrow::RecordBatch> columns_of(LocalStore& store, const Manifest& manifest,
                                               const ColumnPlaces& columns) {
  const auto reader = store.reader(manifest, "train", columns, 2);
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (std::uint64_t block = 0; block < reader->blocks().size(); ++block) {
    batches.push_back(read_chunk(*reader, block));
    EXPECT_EQ(batches.back()->num_rows(), manifest.rows_of("train")[block]);
  }
  return arrow::ConcatenateRecordBatches(batches).ValueOrDie();
}

TEST(GroupReader, GivesTheSameSamplesHoweverTheColumnsAreGrouped) {
  TempFolder temp;
  const auto one = write_set(temp / "one", {{}});
  LocalStore store_of_one(temp / "one");
  EXPECT_EQ(one.groups.size(), 1u);
  const std::vector<std::vector<std::vector<std::string>>> kCases = {
      {{"image"}},
      {{"text"}, {"label", "bits"}},
      {{"image"}, {"label"}, {"text"}, {"tags"}, {"flag"}}};
  int number = 0;
  for (const auto& groups : kCases) {
    const std::string folder = temp / ("set" + std::to_string(number++));
    const auto manifest = write_set(folder, groups);
    EXPECT_EQ(manifest.rows, one.rows);
    LocalStore store(folder);
    store.verify(manifest, nullptr);
    for (const ColumnPlaces& columns :
         {ColumnPlaces{}, {0}, {1}, {0, 5}, {1, 2, 4}, {0, 1, 2, 3, 4, 5}}) {
      EXPECT_TRUE(
          columns_of(store, manifest, columns)->Equals(*columns_of(store_of_one, one, columns)))
          << number << " " << columns.size();
    }
  }
}

TEST(GroupReader, ReadsTheGroupsOfTheColumnsAlone) {
  TempFolder temp;
  const auto manifest = write_set(temp / "set", {{{"image"}}});
  LocalStore store(temp / "set");
  std::vector<std::uint32_t> opened;
  const auto open = [&](std::uint32_t group) {
    opened.push_back(group);
    return store.reader(manifest, "train", manifest.groups[group], 1);
  };
  const auto bytes_of = [&](const ColumnPlaces& columns) {
    opened.clear();
    std::uint64_t bytes = 0;
    const auto reader = read_groups("set", manifest, "train", columns, open);
    for (const auto& block : reader->blocks()) bytes += block.bytes;
    return bytes;
  };
  const std::uint64_t image = bytes_of({0});
  EXPECT_EQ(opened, (std::vector<std::uint32_t>{0}));
  const std::uint64_t label = bytes_of({1});
  EXPECT_EQ(opened, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(bytes_of({}), image + label);
  EXPECT_EQ(bytes_of({0, 2}), image + label);
  EXPECT_EQ(opened, (std::vector<std::uint32_t>{0, 1}));
  expect_error(ErrorCode::kNotFound, {"set", "no split 'test'"},
               [&] { read_groups("set", manifest, "test", {}, open); });
}

/// Chunks of a column `id`, whose reads end with an error where it is asked for.
class IdReader final : public BlockReader {
 public:
  explicit IdReader(std::vector<BlockInfo> blocks) : blocks_(std::move(blocks)) {}
  std::span<const BlockInfo> blocks() const override { return blocks_; }
  void read(std::uint64_t number, Done done) override {
    ++reads;
    if (fails) return done(nullptr, std::make_exception_ptr(Error(ErrorCode::kTimeout, "late")));
    std::int64_t first = 0;
    for (std::uint64_t i = 0; i < number; ++i) first += blocks_[i].samples;
    arrow::Int64Builder ids;
    for (std::uint32_t i = 0; i < blocks_[number].samples; ++i) ids.Append(first + i).ok();
    const auto schema =
        std::make_shared<const Schema>(Schema{{{"id", ColumnKind::kTensor, DType::kInt64, {}}}});
    done({arrow::RecordBatch::Make(schema->to_arrow(), blocks_[number].samples, {*ids.Finish()}),
          schema},
         nullptr);
  }
  bool fails = false;
  int reads = 0;

 private:
  const std::vector<BlockInfo> blocks_;
};

TEST(GroupReader, AChunkMayHoldSeveralRowGroups) {
  Manifest manifest;
  manifest.schema.columns = {{"a", ColumnKind::kTensor, DType::kInt64, {}},
                             {"b", ColumnKind::kTensor, DType::kInt64, {}}};
  manifest.groups = {{0}, {1}};
  manifest.splits = {"train"};
  manifest.rows = {{3, 1, 4, 1, 5}};
  std::vector<IdReader*> readers;
  const auto reader = read_groups("ids", manifest, "train", {}, [&](std::uint32_t group) {
    auto made = std::make_unique<IdReader>(
        group == 0 ? std::vector<BlockInfo>{{3, 24}, {1, 8}, {4, 32}, {1, 8}, {5, 40}}
                   : std::vector<BlockInfo>{{4, 32}, {10, 80}});
    readers.push_back(made.get());
    return made;
  });
  std::int64_t next = 0;
  for (std::uint64_t block = 0; block < 5; ++block) {
    const auto batch = read_chunk(*reader, block);
    ASSERT_EQ(batch->num_rows(), manifest.rows[0][block]);
    EXPECT_TRUE(batch->column(0)->Equals(batch->column(1)));
    EXPECT_EQ(static_cast<const arrow::Int64Array&>(*batch->column(1)).Value(0), next);
    next += batch->num_rows();
  }
  readers[1]->fails = true;
  expect_error(ErrorCode::kTimeout, {"late"}, [&] { read_chunk(*reader, 0); });
  expect_error(ErrorCode::kInvalidArgument, {"block 5 asked for, there are 5"},
               [&] { reader->read(5, nullptr); });
}

}  // namespace
}  // namespace ringfeed::testing
