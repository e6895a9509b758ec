// A packed data set in Cassandra against the same one in a local folder.
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "base/hash.hpp"
#include "cassandra/server.hpp"
#include "dataset/chunk.hpp"
#include "errors.hpp"
#include "store/cassandra/claim.hpp"
#include "store/local_store.hpp"
#include "store_cassandra/blocks.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

std::string chunks_table(const std::string& name) {
  return "ringfeed_test.\"" + name + "_chunks\"";
}

TEST(CassandraStoreTest, HasTheBytesOfTheLocalStore) {
  TempFolder temp;
  LocalStore local(temp / "set");
  const auto name = fresh_name("same");
  auto store = store_of(name);
  ingest_into(local, 3000);
  const auto result = ingest_into(store, 3000);
  EXPECT_FALSE(result.unchanged);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  const auto manifest = store.manifest(1);
  EXPECT_EQ(manifest, result.manifest);
  EXPECT_EQ(chunks_of(manifest), chunks_of(local.manifest(1)));
  EXPECT_EQ(manifest.range(1), local.manifest(1).range(1));
  for (const std::string split : {"train", "val"}) {
    const auto theirs = read_all_blocks(local, local.manifest(1), split);
    const auto ours = read_all_blocks(store, manifest, split);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_NE(ours[i].chunk, nullptr);
      EXPECT_TRUE(encode_chunk(*ours[i].chunk)->Equals(*encode_chunk(*theirs[i].chunk)));
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& part : manifest.parts) bytes += part.bytes();
  EXPECT_EQ(store.verify(manifest, nullptr), bytes);
  EXPECT_TRUE(ingest_into(store, 3000).unchanged);
}

TEST(CassandraStoreTest, AppendSharesChunksAndRemoveTakesOnlyWhatNoVersionNames) {
  const auto name = fresh_name("append");
  auto store = store_of(name);
  ingest_into(store, 600);
  expect_error(ErrorCode::kConflict, {"IngestOptions::append"}, [&] { ingest_into(store, 700); });
  ingest_into(store, 900, 600, true);
  EXPECT_TRUE(ingest_into(store, 900, 600, true).unchanged);
  EXPECT_EQ(store.versions(), (std::vector<std::uint64_t>{1, 2}));
  const auto second = store.manifest(2);

  store.remove(1);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{2});
  expect_error(ErrorCode::kNotFound, {"the versions are 2"}, [&] { store.manifest(1); });
  expect_error(ErrorCode::kNotFound, {"the versions are 2"}, [&] { store.remove(1); });
  store.verify(second, nullptr);

  store.remove(2);
  EXPECT_TRUE(store.versions().empty());
  const auto rows =
      shared_session()->execute("SELECT claim FROM " + chunks_table(name), {}, {}, "t");
  EXPECT_EQ(rows.size(), 0u);
  // A number is never used twice.
  ingest_into(store, 600);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{3});
  store.verify(store.manifest(3), nullptr);
}

TEST(CassandraStoreTest, MissingAndDamagedChunksAreNeverDelivered) {
  const auto name = fresh_name("damage");
  auto store = store_of(name);
  const auto manifest = ingest_into(store, 3000).manifest;
  const auto session = shared_session();
  const cql::Request all = {.consistency = Consistency::kAll};
  const auto key = cassandra::parse_part_name(manifest.parts[0].name, "test").first;
  const auto update = [&](std::int64_t number, std::string_view bytes) {
    session->execute(
        "UPDATE " + chunks_table(name) + " SET data = ? WHERE claim = ? AND number = ?",
        cql::Values().view(bytes).bigint(key.claim).bigint(key.number + number), all, "test");
  };
  const auto data = [&](std::int64_t number) {
    return session
        ->execute("SELECT data FROM " + chunks_table(name) + " WHERE claim = ? AND number = ?",
                  cql::Values().bigint(key.claim).bigint(key.number + number), all, "test")
        .text(0, 0);
  };
  std::string flipped = data(0);
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  update(0, flipped);
  update(1, data(1).substr(8));
  update(2, "");
  session->execute("DELETE FROM " + chunks_table(name) + " WHERE claim = ? AND number = ?",
                   cql::Values().bigint(key.claim).bigint(key.number + 3), all, "test");
  const auto results = read_all_blocks(store, manifest, manifest.parts[0].split);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i > 3) {
      EXPECT_NE(results[i].chunk, nullptr);
      continue;
    }
    EXPECT_EQ(results[i].chunk, nullptr);
    expect_error(ErrorCode::kBadData,
                 {name, "chunk " + std::to_string(i),
                  i < 3 ? "no replica has a sound copy" : "no replica has it"},
                 [&] { std::rethrow_exception(results[i].failure); });
  }
  expect_error(ErrorCode::kBadData, {name, " on node 127.0."},
               [&] { store.verify(manifest, nullptr); });
}

TEST(CassandraStoreTest, ADamagedManifestIsNotRead) {
  const auto name = fresh_name("manifest");
  auto store = store_of(name);
  ingest_into(store, 600);
  const auto session = shared_session();
  cql::Values where;
  where.view(name).bigint(1).integer(0);
  auto text = session
                  ->execute(
                      "SELECT text FROM ringfeed_test.ringfeed_manifests WHERE name = ? AND "
                      "version = ? AND piece = ?",
                      where, {}, "test")
                  .text(0, 0);
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  session->execute(
      "UPDATE ringfeed_test.ringfeed_manifests SET text = ? WHERE name = ? AND version "
      "= ? AND piece = ?",
      cql::Values().view(text).view(name).bigint(1).integer(0), {}, "test");
  expect_error(ErrorCode::kBadData, {name}, [&] { store.manifest(1); });
  session->execute("DELETE FROM ringfeed_test.ringfeed_manifests WHERE name = ? AND version = ?",
                   cql::Values().view(name).bigint(1), {}, "test");
  expect_error(ErrorCode::kBadData, {name, "missing"}, [&] { store.manifest(1); });
}

TEST(CassandraStoreTest, ASecondWriterIsRefusedWhileTheFirstLives) {
  auto store = store_of(fresh_name("two"));
  WriteIntent intent;
  intent.schema.columns = {{"label", ColumnKind::kTensor, DType::kInt64, {}}};
  intent.splits = {"train"};
  intent.origin = {1, 0, 4096, "whole"};
  const auto first = store.write(intent, nullptr);
  expect_error(ErrorCode::kConflict, {"is being written by process"},
               [&] { store.write(intent, nullptr); });
  intent.origin.fingerprint = 2;
  expect_error(ErrorCode::kConflict, {"is being written by process"},
               [&] { store.write(intent, nullptr); });
}

TEST(CassandraStoreTest, WritersAtOnceOnePublishes) {
  const auto name = fresh_name("race");
  std::mutex mutex;
  int published = 0;
  int refused = 0;
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 6; ++i) {
      writers.emplace_back([&, i] {
        auto store = store_of(name);
        try {
          ingest_into(store, 600 + i % 2);
          const std::lock_guard lock(mutex);
          ++published;
        } catch (const Error& error) {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(error.code() == ErrorCode::kConflict || error.retryable()) << error.what();
          ++refused;
        }
      });
    }
  }
  EXPECT_GE(published, 1);
  EXPECT_EQ(published + refused, 6);
  auto store = store_of(name);
  ASSERT_EQ(store.versions().size(), 1u);
  store.verify(store.manifest(store.versions()[0]), nullptr);
}

/// What a node that was away answers until it has learned of the table.
TEST(CassandraStoreTest, WritesOutlastATableThatIsNotKnownForAWhile) {
  const auto name = fresh_name("unknown");
  const cassandra::Tables tables(shared_session(), url_of(name));
  auto store = store_of(name);
  WriteIntent intent;
  intent.schema.columns = {{"label", ColumnKind::kTensor, DType::kInt64, {}}};
  intent.splits = {"train"};
  intent.origin = {1, 0, 4096, "whole"};
  const auto writer = store.write(intent, nullptr);
  shared_session()->execute("DROP TABLE " + chunks_table(name), {}, {}, "test");
  std::jthread later([&] {
    std::this_thread::sleep_for(700ms);
    tables.create();
  });
  const std::vector<std::int64_t> labels = {1, 2, 3};
  const Chunk chunk(batch_of(labels), std::make_shared<const Schema>(intent.schema));
  writer->put("train", {&chunk, 1}, {});
  const auto manifest = writer->publish();
  later.join();
  const auto read = read_all_blocks(store, manifest, "train");
  ASSERT_EQ(read.size(), 1u);
  ASSERT_NE(read[0].chunk, nullptr);
  EXPECT_TRUE(read[0].chunk->Equals(*batch_of(labels)));
}

/// Every write and every transaction times out at the client, most of them after they took effect.
TEST(CassandraStoreTest, WritesInDoubtLeaveOneChunkWithTheRightBytes) {
  const auto name = fresh_name("doubt");
  auto connection = resolve_connection(url_of(name), login());
  cassandra::Tables(shared_session(), url_of(name)).create();
  const auto end = std::chrono::steady_clock::now() + 400s;
  std::string last;
  int failures = 0;
  // As long as it takes until some answers come in time; those before were in doubt.
  double timeout_ms = 2;
  for (bool done = false; !done; timeout_ms *= 2) {
    connection.request_timeout_ms = static_cast<std::uint32_t>(timeout_ms);
    try {
      cassandra::CassandraStore store(cql::Session::open(connection, "ringfeed_test"), url_of(name),
                                      {.lease = 4s});
      ingest_into(store, 2000);
      done = true;
    } catch (const Error& error) {
      ++failures;
      last = error.what();
      ASSERT_TRUE(error.retryable() || error.code() == ErrorCode::kConflict) << last;
      ASSERT_LT(std::chrono::steady_clock::now(), end) << last;
    }
  }
  EXPECT_GT(failures, 0);
  auto store = store_of(name);
  ASSERT_EQ(store.versions().size(), 1u);
  const auto manifest = store.manifest(store.versions()[0]);
  store.verify(manifest, nullptr);
  std::size_t chunks = 0;
  for (const auto& part : manifest.parts) chunks += part.chunk_hash.size();
  EXPECT_EQ(
      shared_session()->execute("SELECT claim FROM " + chunks_table(name), {}, {}, "test").size(),
      chunks);
}

TEST(OwnerTest, AProcessOfThisMachineThatIsGoneIsKnown) {
  const auto self = cassandra::Owner::self();
  EXPECT_TRUE(cassandra::Owner::may_live(self.text()));
  auto gone = self;
  gone.start_ticks += 1;
  EXPECT_FALSE(cassandra::Owner::may_live(gone.text()));
  auto elsewhere = gone;
  elsewhere.boot = "00000000-0000-0000-0000-000000000000";
  EXPECT_TRUE(cassandra::Owner::may_live(elsewhere.text()));
  EXPECT_TRUE(cassandra::Owner::may_live("something else"));
}

}  // namespace
}  // namespace ringfeed::testing
