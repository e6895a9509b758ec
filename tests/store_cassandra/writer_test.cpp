// Writing, publishing, verifying and removing packed data sets, with a failure at every event.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <random>
#include <stop_token>
#include <thread>

#include "base/random.hpp"
#include "dataset/chunk.hpp"
#include "errors.hpp"
#include "read_back.hpp"
#include "store/local_store.hpp"
#include "store_cassandra/blocks.hpp"
#include "store_cassandra/fake_store.hpp"
#include "store_cassandra/trials.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSamplesWritten = 300;
constexpr std::uint32_t kWriterTimeoutMs = 100;

/// Small parts, so that the journal has several lines.
const cassandra::CassandraStoreOptions kSmallParts = {.part_bytes = 8192};

/// The chunks of the same ingest into a local folder.
const ChunksBySplit& expected_chunks() {
  static const ChunksBySplit chunks = [] {
    TempFolder temp;
    LocalStore local(temp / "set");
    ingest_into(local, kSamplesWritten);
    return chunks_of(local.manifest(1));
  }();
  return chunks;
}

std::size_t rows_of_chunks(FakeStores& stores) {
  return stores.cluster().cql("SELECT claim FROM k.set_chunks").rows.size();
}

/// What is visible is whole and right.
void expect_whole(Store& store, std::uint64_t version) {
  const auto manifest = store.manifest(version);
  EXPECT_EQ(chunks_of(manifest), expected_chunks());
  std::uint64_t bytes = 0;
  for (const auto& part : manifest.parts) bytes += part.bytes();
  EXPECT_EQ(store.verify(manifest, nullptr), bytes);
}

class ChunkWriterTest : public FakeStoreTest {};

TEST_F(ChunkWriterTest, HasTheBytesOfTheLocalStore) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  EXPECT_FALSE(ingest_into(store, kSamplesWritten).unchanged);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  expect_whole(store, 1);
  EXPECT_GE(rows_of_chunks(stores), 4u);
  EXPECT_TRUE(stores.cluster()
                  .cql("SELECT piece FROM k.ringfeed_manifests WHERE name = 'set' AND version = 1 "
                       "AND piece < 0")
                  .rows.empty());
  EXPECT_TRUE(ingest_into(store, kSamplesWritten).unchanged);
}

TEST_F(ChunkWriterTest, WhatCannotBeReadIsNotPublished) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  WriteIntent intent;
  intent.schema.columns = {{"", ColumnKind::kTensor, DType::kInt8, {}}};
  intent.splits = {"train"};
  intent.origin = {1, 0, 4096, "whole"};
  const auto writer = store.write(intent, nullptr);
  EXPECT_THROW(writer->publish(), Error);
  EXPECT_TRUE(store.versions().empty());
}

TEST_F(ChunkWriterTest, AFailureAtEachOperationLeavesTheWholeSetOrNothingAndTheNextTryEnds) {
  std::uint64_t operations = 0;
  {
    FakeStores stores(kWriterTimeoutMs);
    auto store = stores.store(kSmallParts);
    stores.cluster().set_script(nullptr);
    ingest_into(store, kSamplesWritten);
    operations = stores.cluster().operations();
  }
  ASSERT_GT(operations, 40u);
  std::atomic<int> failed = 0;
  std::atomic<int> ended = 0;
  run_fault_trials(operations, 4, [&](std::uint64_t n, const TrialFault& fault) {
    FakeStores stores(kWriterTimeoutMs);
    auto store = stores.store(kSmallParts);
    stores.cluster().set_script(at_operation(n, fault.action));
    const auto error = caught([&] { ingest_into(store, kSamplesWritten); });
    stores.cluster().set_script(nullptr);
    if (error) {
      ++failed;
      EXPECT_TRUE(error->retryable() || error->code() == ErrorCode::kNotFound) << error->what();
    } else {
      ++ended;
      EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
    }
    for (const auto version : store.versions()) expect_whole(store, version);
    stores.cluster().advance(60s);  // a claim that could not be let go has run out
    ingest_into(store, kSamplesWritten);
    const auto versions = store.versions();
    ASSERT_EQ(versions.size(), 1u);
    expect_whole(store, versions[0]);
    std::size_t chunks = 0;
    for (const auto& [split, each] : expected_chunks()) chunks += each.size();
    EXPECT_EQ(rows_of_chunks(stores), chunks) << "chunks that no version names";
  });
  EXPECT_GT(failed, 0);
  EXPECT_GT(ended, failed);
}

TEST_F(ChunkWriterTest, StoppedAtEachOperationTheNextTryGoesOn) {
  std::uint64_t operations = 0;
  {
    FakeStores stores;
    auto store = stores.store(kSmallParts);
    stores.cluster().set_script(nullptr);
    ingest_into(store, kSamplesWritten);
    operations = stores.cluster().operations();
  }
  std::atomic<int> stopped = 0;
  run_trials(operations, [&](std::uint64_t n) {
    SCOPED_TRACE(fmt::format("stopped at operation {}", n));
    FakeStores stores;
    auto store = stores.store(kSmallParts);
    std::stop_source stop;
    stores.cluster().set_script([&](const FakeOperation& operation) {
      if (operation.number == n) stop.request_stop();
      return FakeAction{};
    });
    MemorySource::Options of_source;
    of_source.samples = kSamplesWritten;
    of_source.fingerprint = static_cast<std::uint64_t>(kSamplesWritten * 1000003);
    MemorySource source(of_source);
    IngestOptions options;
    options.chunk_bytes = 4096;
    options.splits = {{"train", 0.75}, {"val", 0.25}};
    options.stop = stop.get_token();
    const auto error = caught([&] { ingest(source, store, options); });
    stores.cluster().set_script(nullptr);
    if (error) {
      ++stopped;
      EXPECT_EQ(error->code(), ErrorCode::kCancelled) << error->what();
      EXPECT_TRUE(store.versions().empty());
    }
    ingest_into(store, kSamplesWritten);  // at once: the claim was let go
    expect_whole(store, store.versions().at(0));
  });
  EXPECT_GT(stopped, 5);
}

WriteIntent small_intent(std::uint64_t fingerprint) {
  WriteIntent intent;
  intent.schema.columns = {{"label", ColumnKind::kTensor, DType::kInt64, {}}};
  intent.splits = {"train"};
  intent.origin = {fingerprint, 0, 4096, "whole"};
  return intent;
}

void put_labels(VersionWriter& writer, const std::vector<std::int64_t>& labels) {
  const Chunk chunk(batch_of(labels), std::make_shared<const Schema>(small_intent(1).schema));
  writer.put("train", {&chunk, 1}, {});
}

TEST_F(ChunkWriterTest, DestroyedWithEveryWriteUnderWayTheNextOneGoesOn) {
  FakeStores stores;
  auto store = stores.store();
  auto writer = store.write(small_intent(1), nullptr);
  stores.cluster().set_script([](const FakeOperation& operation) {
    FakeAction action;
    action.held = operation.cql.starts_with("INSERT INTO") && operation.says("set_chunks");
    return action;
  });
  for (std::int64_t i = 0; i < 20; ++i) put_labels(*writer, {i});
  ASSERT_TRUE(stores.cluster().wait_for_held(20));
  stores.cluster().set_script(nullptr);
  writer.reset();
  stores.cluster().release();  // the answers find no queue
  writer = store.write(small_intent(1), nullptr);
  EXPECT_EQ(writer->stored_row_groups(), 0u);
  for (std::int64_t i = 0; i < 20; ++i) put_labels(*writer, {i});
  const auto manifest = writer->publish();
  const auto read = read_all_blocks(store, manifest, "train");
  ASSERT_EQ(read.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    ASSERT_NE(read[i].chunk, nullptr);
    EXPECT_TRUE(read[i].chunk->Equals(*batch_of({static_cast<std::int64_t>(i)})));
  }
}

TEST_F(ChunkWriterTest, TheJournalTellsWhatNeedNotBeWrittenAgain) {
  FakeStores stores;
  auto store = stores.store({.part_bytes = 1});
  {
    const auto writer = store.write(small_intent(1), nullptr);
    for (std::int64_t i = 0; i < 5; ++i) put_labels(*writer, {i});
  }
  const auto writer = store.write(small_intent(1), nullptr);
  // The last part is open, and the answers of those before it may not have come.
  EXPECT_LE(writer->stored_row_groups(), 4u);
  for (auto i = static_cast<std::int64_t>(writer->stored_row_groups()); i < 5; ++i)
    put_labels(*writer, {i});
  const auto read = read_all_blocks(store, writer->publish(), "train");
  ASSERT_EQ(read.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_TRUE(read[i].chunk->Equals(*batch_of({static_cast<std::int64_t>(i)})));
}

TEST_F(ChunkWriterTest, OneThatWasTakenOverPublishesNothing) {
  FakeStores stores;
  auto store = stores.store();
  for (const std::uint64_t other : {std::uint64_t{1}, std::uint64_t{2}}) {
    SCOPED_TRACE(other == 1 ? "by the same ingest" : "by another ingest");
    const auto first = store.write(small_intent(1), nullptr);
    put_labels(*first, {1, 2, 3});
    expect_error(ErrorCode::kConflict, {"is being written by process"},
                 [&] { store.write(small_intent(other), nullptr); });
    stores.cluster().advance(60s);  // its lease is over
    const auto second = store.write(small_intent(other), nullptr);
    put_labels(*second, {4, 5});
    expect_error(ErrorCode::kConflict, {"taken over"}, [&] { first->publish(); });
    const auto manifest = second->publish();
    const auto read = read_all_blocks(store, manifest, "train");
    ASSERT_EQ(read.size(), 1u);
    ASSERT_NE(read[0].chunk, nullptr);
    EXPECT_TRUE(read[0].chunk->Equals(*batch_of({4, 5})));
    for (const auto version : store.versions()) store.remove(version);
  }
}

/// The claim's own thread finds that it is lost.
TEST_F(ChunkWriterTest, ALostClaimIsNoticedBetweenChunks) {
  FakeStores stores;
  auto store = stores.store({.lease = 4s});
  const auto first = store.write(small_intent(1), nullptr);
  stores.cluster().advance(60s);
  const auto second = store.write(small_intent(1), nullptr);
  std::atomic<int> renewals = 0;
  stores.cluster().set_script([&](const FakeOperation& operation) {
    if (operation.says("USING TTL")) ++renewals;
    return FakeAction{};
  });
  const auto end = std::chrono::steady_clock::now() + 60s;
  std::optional<Error> error;
  while (!error && std::chrono::steady_clock::now() < end) {
    // The first one stops renewing when it has lost: the second one goes on.
    ASSERT_TRUE(stores.cluster().wait_for_operations(stores.cluster().operations() + 1));
    error = caught([&] { put_labels(*first, {1}); });
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kConflict) << error->what();
  EXPECT_GE(renewals, 1);
  put_labels(*second, {7});
  EXPECT_EQ(read_all_blocks(store, second->publish(), "train").size(), 1u);
}

TEST_F(ChunkWriterTest, WritersAtOnceOnePublishes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  for (std::uint64_t turn = 0; turn < 3; ++turn) {
    FakeStores stores(kWriterTimeoutMs);
    Random random(seed + turn);
    stores.cluster().set_script([&](const FakeOperation& operation) {
      FakeAction action;
      if (operation.kind != FakeOperation::Kind::kExecute) return action;
      const auto drawn = random.below(40);
      if (drawn == 0) return fake_failure(RF_OVERLOADED);
      if (drawn == 1) {
        action = fake_failure(RF_TIMEOUT);
        action.applied = random.below(2) == 0;
        return action;
      }
      action.delay = std::chrono::milliseconds(random.below(3));
      return action;
    });
    std::atomic<int> published = 0;
    std::atomic<int> refused = 0;
    {
      std::vector<std::jthread> writers;
      for (int i = 0; i < 4; ++i) {
        writers.emplace_back([&] {
          auto store = stores.store();
          if (const auto error = caught([&] { ingest_into(store, kSamplesWritten); })) {
            ++refused;
            EXPECT_TRUE(error->code() == ErrorCode::kConflict || error->retryable())
                << error->what();
          } else {
            ++published;
          }
        });
      }
    }
    stores.cluster().set_script(nullptr);
    EXPECT_EQ(published + refused, 4);
    auto store = stores.store();
    EXPECT_EQ(store.versions().size(), published > 0 ? 1u : store.versions().size());
    for (const auto version : store.versions()) expect_whole(store, version);
  }
}

TEST_F(ChunkWriterTest, RemovedWithAFailureAtEachOperationTheSameCallGoesOn) {
  std::uint64_t operations = 0;
  {
    FakeStores stores(kWriterTimeoutMs);
    auto store = stores.store();
    ingest_into(store, kSamplesWritten);
    stores.cluster().set_script(nullptr);
    store.remove(1);
    operations = stores.cluster().operations();
    EXPECT_EQ(rows_of_chunks(stores), 0u);
  }
  std::atomic<int> failed = 0;
  run_fault_trials(operations, 4, [&](std::uint64_t n, const TrialFault& fault) {
    FakeStores stores(kWriterTimeoutMs);
    auto store = stores.store();
    ingest_into(store, kSamplesWritten);
    stores.cluster().set_script(at_operation(n, fault.action));
    const auto error = caught([&] { store.remove(1); });
    stores.cluster().set_script(nullptr);
    if (error) {
      ++failed;
      EXPECT_TRUE(error->retryable() || error->code() == ErrorCode::kNotFound) << error->what();
      const auto versions = store.versions();
      const auto half_removed = store.half_removed();
      if (!versions.empty()) {
        EXPECT_TRUE(half_removed.empty());
        expect_whole(store, 1);
      }
      if (!versions.empty() || !half_removed.empty()) store.remove(1);
    }
    EXPECT_TRUE(store.versions().empty());
    EXPECT_TRUE(store.half_removed().empty());
    EXPECT_EQ(rows_of_chunks(stores), 0u);
    EXPECT_TRUE(stores.cluster().cql("SELECT piece FROM k.ringfeed_manifests").rows.empty());
  });
  EXPECT_GT(failed, 0);
}

TEST_F(ChunkWriterTest, AppendSharesChunksAndRemoveTakesOnlyWhatNoVersionNames) {
  FakeStores stores;
  auto store = stores.store();
  ingest_into(store, 200);
  expect_error(ErrorCode::kConflict, {"IngestOptions::append"}, [&] { ingest_into(store, 250); });
  ingest_into(store, 300, 200, true);
  const auto second = store.manifest(2);
  store.remove(1);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{2});
  store.verify(second, nullptr);
  store.remove(2);
  EXPECT_EQ(rows_of_chunks(stores), 0u);
  ingest_into(store, 200);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{3}) << "a number is never used twice";
}

TEST_F(ChunkWriterTest, OverwriteMakesANewVersionOfTheNewSamplesAlone) {
  FakeStores stores;
  auto store = stores.store();
  ingest_into(store, 200);
  const auto before = chunks_of(store.manifest(1));
  const auto overwrite = [&] {
    MemorySource source({.samples = 50, .fingerprint = 2, .first = 200});
    return ingest(source, store, {.chunk_bytes = 4096, .overwrite = true});
  };
  const auto result = overwrite();
  EXPECT_EQ(result.manifest.version, 2u);
  EXPECT_EQ(result.manifest.split_infos().at(0).samples, 50u);
  EXPECT_EQ(chunks_of(store.manifest(1)), before);
  EXPECT_TRUE(overwrite().unchanged);
  store.remove(1);
  store.verify(store.manifest(2), nullptr);
  EXPECT_TRUE(overwrite().unchanged);
}

TEST_F(ChunkWriterTest, ATableOfTheUserWithOneOfItsNamesIsNamed) {
  for (const auto& [table, remedy] :
       {std::pair("set_chunks", "another name"), {"ringfeed_datasets", "another keyspace"}}) {
    FakeStores stores;
    stores.cluster().cql(
        fmt::format("CREATE TABLE k.{} (id bigint PRIMARY KEY, name text)", table));
    auto store = stores.store();
    expect_error(ErrorCode::kConflict, {table, "none of ringfeed's", remedy},
                 [&] { ingest_into(store, kSamplesWritten); });
  }
}

std::string manifest_text(FakeStores& stores) {
  std::string text;
  for (const auto& row : stores.cluster()
                             .cql("SELECT text FROM k.ringfeed_manifests WHERE name = 'set' AND "
                                  "version = 1")
                             .rows)
    text += row.at(0).value_or("");
  return text;
}

TEST_F(ChunkWriterTest, IngestedAgainWhatIsGoneIsPutBack) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  ingest_into(store, kSamplesWritten);
  const std::size_t chunks = rows_of_chunks(stores);
  stores.cluster().cql("DELETE FROM k.set_chunks WHERE claim = 1 AND number = 0");
  stores.cluster().cql("DELETE FROM k.set_chunks WHERE claim = 1 AND number = 3");
  expect_error(ErrorCode::kBadData, {"missing on every node", "ingest again"},
               [&] { store.verify(store.manifest(1), nullptr); });
  const auto again = ingest_into(store, kSamplesWritten);
  EXPECT_FALSE(again.unchanged);
  EXPECT_EQ(again.repaired, 2u);
  EXPECT_EQ(rows_of_chunks(stores), chunks);
  expect_whole(store, 1);
  EXPECT_TRUE(ingest_into(store, kSamplesWritten).unchanged);
}

TEST_F(ChunkWriterTest, ColumnGroupsAreThoseOfTheLocalStoreAndArePutBack) {
  TempFolder temp;
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  LocalStore local(temp / "set", {.part_bytes = kSmallParts.part_bytes});
  const auto ingest_apart = [](Store& to) {
    MemorySource source({.samples = kSamplesWritten});
    IngestOptions options{.splits = {{"train", 0.75}, {"val", 0.25}}, .chunk_bytes = 4096};
    options.column_groups = {{"image"}, {"text", "tags"}};
    return ingest(source, to, options);
  };
  const auto manifest = ingest_apart(store).manifest;
  const auto of_local = ingest_apart(local).manifest;
  EXPECT_EQ(manifest.groups, (std::vector<ColumnPlaces>{{0}, {1, 4, 5}, {2, 3}}));
  EXPECT_EQ(manifest.rows, of_local.rows);
  EXPECT_EQ(manifest.lineage, of_local.lineage);
  EXPECT_EQ(manifest.parts[1].name, "1/1/3");
  store.verify(manifest, nullptr);
  for (const ColumnPlaces& columns : {ColumnPlaces{}, {1}, {0, 2}}) {
    const auto reader = store.reader(manifest, "train", columns, 2);
    const auto expected = local.reader(of_local, "train", columns, 2);
    for (std::uint64_t block = 0; block < reader->blocks().size(); ++block)
      EXPECT_TRUE(read_chunk(*reader, block)->Equals(*read_chunk(*expected, block)));
  }
  const std::size_t chunks = rows_of_chunks(stores);
  for (const int number : {1, 3, 5})  // of row group 0 one chunk, of row group 1 two
    stores.cluster().cql(
        fmt::format("DELETE FROM k.set_chunks WHERE claim = 1 AND number = {}", number));
  EXPECT_EQ(ingest_apart(store).repaired, 2u);
  EXPECT_EQ(rows_of_chunks(stores), chunks);
  store.verify(manifest, nullptr);
  EXPECT_TRUE(ingest_apart(store).unchanged);
  store.remove(1);
  EXPECT_EQ(rows_of_chunks(stores), 0u);
}

TEST_F(ChunkWriterTest, IngestedAgainALostManifestIsTheSameAgain) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  ingest_into(store, kSamplesWritten);
  const auto text = manifest_text(stores);
  stores.cluster().cql("DELETE FROM k.ringfeed_manifests WHERE name = 'set' AND version = 1");
  expect_error(ErrorCode::kBadData, {"(or append) again"}, [&] { store.manifest(1); });
  EXPECT_EQ(ingest_into(store, kSamplesWritten).repaired, 1u);
  EXPECT_EQ(manifest_text(stores), text);
  expect_whole(store, 1);
}

TEST_F(ChunkWriterTest, IngestedAgainBehindDeletedVersionsALostManifestIsTheSameAgain) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  ingest_into(store, 200);
  store.remove(1);
  ingest_into(store, kSamplesWritten);
  const Manifest was = store.manifest(2);
  const auto lose = [&] {
    stores.cluster().cql("DELETE FROM k.ringfeed_manifests WHERE name = 'set' AND version = 2");
  };
  lose();
  EXPECT_EQ(ingest_into(store, kSamplesWritten).repaired, 1u);
  EXPECT_EQ(store.manifest(2), was);
  expect_whole(store, 2);
  // One that holds what is left of a deleted version cannot be made of its own source alone.
  ingest_into(store, 100, kSamplesWritten, true);
  store.remove(2);
  stores.cluster().cql("DELETE FROM k.ringfeed_manifests WHERE name = 'set' AND version = 3");
  expect_error(ErrorCode::kBadData, {"delete ?version=3"},
               [&] { ingest_into(store, 100, kSamplesWritten); });
}

/// Somebody may drop any of the tables.
TEST_F(ChunkWriterTest, ATableThatIsGoneIsNamedWithARemedyThatHelps) {
  for (const std::string table : {"set_chunks", "ringfeed_manifests"}) {
    SCOPED_TRACE(table);
    FakeStores stores;
    auto store = stores.store(kSmallParts);
    ingest_into(store, kSamplesWritten);
    const Manifest manifest = store.manifest(1);
    stores.cluster().cql("DROP TABLE k." + table);
    expect_error(ErrorCode::kBadData, {"again"}, [&] { store.verify(store.manifest(1), nullptr); });
    expect_error(ErrorCode::kBadData, {"again"},
                 [&] { store.reader(store.manifest(1), "train", {}, 1); });
    EXPECT_GT(ingest_into(store, kSamplesWritten).repaired, 0u);
    expect_whole(store, 1);
    stores.cluster().cql("DROP TABLE k." + table);
    store.remove(1);
    EXPECT_TRUE(store.versions().empty());
    EXPECT_FALSE(ingest_into(store, kSamplesWritten).unchanged);
    expect_whole(store, 2);
  }
}

/// Nodes of several versions may each have a schema of their own.
TEST_F(ChunkWriterTest, ANodeThatIsNotToldOfANewTableIsNamedWithTheCause) {
  FakeStores stores(kWriterTimeoutMs);
  auto store = stores.store();
  stores.cluster().set_script([](const FakeOperation& operation) {
    const bool unknown = operation.is_read() && operation.node == 2 && operation.says("name = '-'");
    return unknown ? fake_failure(RF_UNKNOWN_TABLE) : FakeAction{};
  });
  expect_error(ErrorCode::kUnavailable, {"node 127.7.", ".3:9042", "of several versions"},
               [&] { ingest_into(store, kSamplesWritten); });
  stores.cluster().set_script(nullptr);
  ingest_into(store, kSamplesWritten);
  expect_whole(store, 1);
}

TEST_F(ChunkWriterTest, AppendedAgainALostManifestIsTheSameAgain) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  ingest_into(store, 200);
  ingest_into(store, 300, 200, true);
  const Manifest was = store.manifest(2);
  const std::size_t chunks = rows_of_chunks(stores);
  stores.cluster().cql("DELETE FROM k.ringfeed_manifests WHERE name = 'set' AND version = 2");
  expect_error(ErrorCode::kBadData, {"(or append) again", "delete ?version=2"},
               [&] { store.manifest(2); });
  expect_error(ErrorCode::kBadData, {"delete ?version=2"},
               [&] { ingest_into(store, 350, 200, true); });  // other samples
  EXPECT_EQ(ingest_into(store, 300, 200, true).repaired, 1u);
  EXPECT_EQ(store.manifest(2), was);
  EXPECT_EQ(rows_of_chunks(stores), chunks);
  for (const std::uint64_t version : {1, 2}) store.verify(store.manifest(version), nullptr);
}

TEST_F(ChunkWriterTest, AChunkWithoutASoundCopyIsRemovedAndIngestedAgain) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  ingest_into(store, kSamplesWritten);
  const std::size_t chunks = rows_of_chunks(stores);
  stores.cluster().cql("UPDATE k.set_chunks SET data = 'x' WHERE claim = 1 AND number = 2");
  const Manifest manifest = store.manifest(1);
  expect_error(ErrorCode::kBadData,
               {"chunk 2 of claim 1 on node 127.7.", "verify with VerifyOptions::repair"},
               [&] { store.verify(manifest, nullptr); });
  expect_error(ErrorCode::kBadData, {"1 damaged chunks had no sound copy", "ingest again"},
               [&] { store.repair(manifest, nullptr); });
  EXPECT_EQ(rows_of_chunks(stores), chunks - 1);
  EXPECT_EQ(ingest_into(store, kSamplesWritten).repaired, 1u);
  expect_whole(store, 1);
}

/// An ingest looks at the hash of each chunk alone.
TEST_F(ChunkWriterTest, OfAChunkThatIsGoneButForItsHashTheRemedyHelps) {
  FakeStores stores;
  auto store = stores.store(kSmallParts);
  ingest_into(store, kSamplesWritten);
  stores.cluster().cql("UPDATE k.set_chunks SET data = null WHERE claim = 1 AND number = 2");
  const Manifest manifest = store.manifest(1);
  expect_error(ErrorCode::kBadData,
               {"chunk 2 of claim 1", "but for its hash", "VerifyOptions::repair"},
               [&] { store.verify(manifest, nullptr); });
  expect_error(ErrorCode::kBadData, {"ingest again"}, [&] { store.repair(manifest, nullptr); });
  EXPECT_EQ(ingest_into(store, kSamplesWritten).repaired, 1u);
  expect_whole(store, 1);
  stores.cluster().cql("UPDATE k.set_chunks SET hash = null WHERE claim = 1 AND number = 2");
  EXPECT_EQ(ingest_into(store, kSamplesWritten).repaired, 1u);
  expect_whole(store, 1);
}

TEST_F(ChunkWriterTest, WhatAManifestSaysOfItsChunksIsLookedAt) {
  FakeStores stores;
  auto store = stores.store();
  ingest_into(store, kSamplesWritten);
  const Manifest manifest = store.manifest(1);
  const auto change = [&](const std::function<void(Part&)>& of_part) {
    Manifest wrong = manifest;
    of_part(wrong.parts[0]);
    wrong.rows[0] = wrong.parts[0].chunk_samples;
    stores.cluster().cql("UPDATE k.ringfeed_manifests SET text = '" + wrong.encode() +
                         "' WHERE name = 'set' AND version = 1 AND piece = 0");
  };
  const auto refused = [&](const std::vector<std::string>& words) {
    expect_error(ErrorCode::kBadData, words, [&] { store.verify(store.manifest(1), nullptr); });
    expect_error(ErrorCode::kBadData, words, [&] { store.repair(store.manifest(1), nullptr); });
  };
  change([](Part& part) { --part.chunk_samples[0]; });
  refused({"chunk 0 of claim 1", "samples where the manifest has"});
  ASSERT_FALSE(manifest.parts[0].ranges.empty());
  change([](Part& part) { ++part.ranges[0].most; });
  refused({"1/0", "smallest and largest values"});
  change([](Part& part) { part.chunk_samples[0] = 4'294'967'295; });
  expect_error(ErrorCode::kBadData, {"4294967295 samples cannot be in"},
               [&] { store.manifest(1); });
}

/// Chunks that an older version shares with the one whose manifest is lost stay until both are
/// gone.
TEST_F(ChunkWriterTest, DeleteGetsOutWithoutAManifest) {
  FakeStores stores;
  auto store = stores.store();
  ingest_into(store, 200);
  ingest_into(store, 300, 200, true);
  stores.cluster().cql("DELETE FROM k.ringfeed_manifests WHERE name = 'set' AND version = 2");
  store.remove(2);
  store.verify(store.manifest(1), nullptr);
  ingest_into(store, 300, 200, true);
  stores.cluster().cql("DELETE FROM k.ringfeed_manifests WHERE name = 'set' AND version = 3");
  store.remove(1);
  EXPECT_GT(rows_of_chunks(stores), 0u);
  store.remove(3);
  EXPECT_EQ(rows_of_chunks(stores), 0u);
  EXPECT_TRUE(store.versions().empty());
}

/// As below a deletion with a time in the future: acknowledged, and never seen.
TEST_F(ChunkWriterTest, AChunkThatWasStoredAndIsNotThereIsNotPublished) {
  FakeStores stores;
  auto store = stores.store();
  stores.cluster().set_script([](const FakeOperation& operation) {
    FakeAction action;
    if (operation.cql.starts_with("SELECT hash FROM") && operation.is_read() &&
        operation.values.at(1) == std::string(8, '\0')) {
      action.change = [](FakeRows& rows) { rows.rows.clear(); };
    }
    return action;
  });
  expect_error(ErrorCode::kBadData, {"chunk 0 of claim 1", "a time in the future"},
               [&] { ingest_into(store, kSamplesWritten); });
  EXPECT_TRUE(store.versions().empty());
}

/// For all reads of one copy: that of the n-th read of chunks.
FakeCluster::Script of_copy(std::uint64_t n, const FakeAction& action) {
  return [n, action, reads = std::uint64_t{0},
          copy = std::optional<FakeOperation>()](const FakeOperation& operation) mutable {
    if (!operation.is_read() || !operation.says("set_chunks")) return FakeAction{};
    if (reads++ == n) copy = operation;
    const bool is_it = copy && copy->node == operation.node && copy->values == operation.values;
    return is_it ? action : FakeAction{};
  };
}

TEST_F(ChunkWriterTest, VerifyLooksAtEveryCopy) {
  FakeStores stores;
  FakeWarnings warnings;
  auto store = stores.store({.warn = warnings.function()});
  ingest_into(store, kSamplesWritten);
  const auto manifest = store.manifest(1);
  std::uint64_t bytes = 0;
  for (const auto& part : manifest.parts) bytes += part.bytes();
  const std::size_t copies = 2 * rows_of_chunks(stores);
  const auto at_answer = [](std::uint64_t n, const FakeAction& action) -> FakeCluster::Script {
    return [n, action, reads = std::uint64_t{0}](const FakeOperation& operation) mutable {
      return operation.is_read() && operation.says("set_chunks") && reads++ == n ? action
                                                                                 : FakeAction{};
    };
  };
  FakeAction wrong;
  wrong.change = [](FakeRows& rows) { (*rows.rows.at(0).at(1))[100] ^= 1; };
  FakeAction missing;
  missing.change = [](FakeRows& rows) { rows.rows.clear(); };
  FakeAction hollow;  // a look at the hash alone has made read repair bring the hash alone
  hollow.change = [](FakeRows& rows) { rows.rows.at(0).at(1) = std::nullopt; };
  for (std::size_t n = 0; n < copies; ++n) {
    SCOPED_TRACE(n);
    stores.cluster().set_script(of_copy(n, wrong));
    expect_error(ErrorCode::kBadData, {"do not match their checksum", " on node 127.7."},
                 [&] { store.verify(manifest, nullptr); });
    stores.cluster().set_script(
        at_answer(n, wrong));  // another copy may answer for it the next time
    expect_error(ErrorCode::kBadData, {"do not match their checksum", " on node 127.7."},
                 [&] { store.verify(manifest, nullptr); });
    stores.cluster().set_script(at_answer(n, missing));
    EXPECT_EQ(store.verify(manifest, nullptr), bytes);
    stores.cluster().set_script(at_answer(n, hollow));
    EXPECT_EQ(store.verify(manifest, nullptr), bytes);
    EXPECT_EQ(warnings.lines().size(), 2 * n + 2) << "a copy that is missing is told of";
    stores.cluster().set_script(at_answer(n, fake_failure(RF_OVERLOADED)));
    EXPECT_EQ(store.verify(manifest, nullptr), bytes);
    stores.cluster().set_script(at_answer(n, fake_failure(RF_UNAUTHORIZED)));
    expect_error(ErrorCode::kPermission, {}, [&] { store.verify(manifest, nullptr); });
  }
}

TEST_F(ChunkWriterTest, RepairWritesASoundCopyOverOneThatIsDamagedOrGone) {
  FakeStores stores;
  FakeWarnings warnings;
  auto store = stores.store({.warn = warnings.function()});
  ingest_into(store, kSamplesWritten);
  const auto manifest = store.manifest(1);
  const auto expected = store.verify(manifest, nullptr);
  const std::size_t copies = 2 * rows_of_chunks(stores);
  for (const bool gone : {false, true}) {
    FakeAction action;
    action.change = [gone](FakeRows& rows) {
      if (gone) return rows.rows.clear();
      (*rows.rows.at(0).at(1))[100] ^= 1;
    };
    for (std::size_t n = 0; n < copies; ++n) {
      std::size_t written = 0;
      stores.cluster().set_script([&, script = of_copy(n, action)](const FakeOperation& operation) {
        if (operation.kind == FakeOperation::Kind::kExecute &&
            operation.cql.starts_with("INSERT")) {
          ++written;
        }
        return written > 0 ? FakeAction{} : script(operation);
      });
      EXPECT_EQ(store.repair(manifest, nullptr), expected);
      EXPECT_EQ(written, 1u);
    }
  }
  EXPECT_EQ(warnings.lines().size(), 2 * copies);
  EXPECT_NE(warnings.lines().at(0).find("1 chunks were written anew"), std::string::npos);
  stores.cluster().set_script(nullptr);
  expect_whole(store, 1);
}

TEST_F(ChunkWriterTest, VerifyCallsNothingWholeWhoseReplicasAreNotKnown) {
  FakeStores stores;
  auto store = stores.store();
  ingest_into(store, kSamplesWritten);
  const auto connection = stores.connection();
  cassandra::CassandraStore blind(cql::Session::open(connection, "elsewhere"), stores.url());
  expect_error(ErrorCode::kUnavailable, {"not known which nodes have copies"},
               [&] { blind.verify(blind.manifest(1), nullptr); });
}

/// The driver leaves out a host that does not answer when it looks for those that are named.
TEST_F(ChunkWriterTest, WithContactPointsOnlyVerifyMissesAHostThatIsDown) {
  FakeStores stores;
  auto store = stores.store();
  ingest_into(store, kSamplesWritten);
  auto connection = stores.connection();
  connection.contact_points_only = true;
  const auto verify = [&] {
    cassandra::CassandraStore of_hosts(cql::Session::open(connection, "k"), stores.url());
    return of_hosts.verify(of_hosts.manifest(1), nullptr);
  };
  EXPECT_GT(verify(), 0u);
  connection.contact_points.push_back({"127.7.255.255", 9042});
  expect_error(ErrorCode::kUnavailable, {"127.7.255.255:9042", "or name the others alone"},
               [&] { verify(); });
}

/// The driver passes over such a row without a word.
TEST_F(ChunkWriterTest, VerifyTellsOfANodeWhoseAddressNobodyKnows) {
  FakeStores stores;
  FakeWarnings warnings;
  cassandra::CassandraStoreOptions options;
  options.warn = warnings.function();
  auto store = stores.store(options);
  ingest_into(store, kSamplesWritten);
  EXPECT_GT(store.verify(store.manifest(1), nullptr), 0u);
  EXPECT_TRUE(warnings.lines().empty());
  const std::string known(reinterpret_cast<const char*>(stores.session()->hosts()[1].id.data()),
                          16);
  stores.cluster().set_script([&](const FakeOperation& operation) {
    FakeAction action;
    if (operation.is_read() && operation.says("system.peers")) {
      action.change = [known](FakeRows& rows) {
        rows.rows = {{std::string{127, 7, 0, 2}, known}, {std::string{127, 7, 0, 9}, std::nullopt}};
      };
    }
    return action;
  });
  EXPECT_GT(store.verify(store.manifest(1), nullptr), 0u);
  stores.cluster().set_script(nullptr);
  ASSERT_EQ(warnings.lines().size(), 1u);
  EXPECT_NE(warnings.lines()[0].find("node 127.7.0.9 is in system.peers without its address"),
            std::string::npos)
      << warnings.lines()[0];
}

TEST_F(ChunkWriterTest, FewerReplicasThanTheConsistencyNeedsAreNamed) {
  FakeStores stores(kWriterTimeoutMs, 3, 3);
  auto store = stores.store();
  ingest_into(store, kSamplesWritten);
  stores.cluster().set_connected(0, false);
  const auto manifest = store.manifest(1);
  EXPECT_EQ(chunks_of(manifest), expected_chunks());
  for (const auto& read : read_all_blocks(store, manifest, "train")) EXPECT_NE(read.chunk, nullptr);
  expect_error(ErrorCode::kUnavailable,
               {"not connected", "every copy is read, and node 127.7.", ".1:9042 did not answer"},
               [&] { store.verify(manifest, nullptr); });
  stores.cluster().set_connected(1, false);
  expect_error(ErrorCode::kUnavailable, {"2 replicas must answer and 1 live", "'SimpleStrategy'"},
               [&] { ingest_into(store, kSamplesWritten + 1, kSamplesWritten, true); });
}

}  // namespace
}  // namespace ringfeed::testing
