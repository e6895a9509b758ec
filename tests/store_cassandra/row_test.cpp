// Row tables: attaching, reading, verifying and filling them, with a failure at every event.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <map>
#include <random>
#include <set>
#include <stop_token>

#include "base/random.hpp"
#include "cql/value.hpp"
#include "errors.hpp"
#include "store/cassandra/row_store.hpp"
#include "store_cassandra/blocks.hpp"
#include "store_cassandra/fake_store.hpp"
#include "store_cassandra/trials.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kTimeoutMs = 100;
constexpr std::int64_t kPartitions = 20;
constexpr std::int64_t kRowsOfEach = 9;

std::string big_endian(std::int64_t value) {
  std::string bytes(8, '\0');
  cql::write_big_endian(value, bytes.data());
  return bytes;
}

/// Whether a row is there: in some partitions one in three is not.
bool has_row(std::int64_t a, std::int64_t c) { return (a + c) % 3 != 0; }

/// A user's table: `a` is the partition, `c` runs downwards in it, `text` says which row it is.
struct RowTables : FakeStores {
  explicit RowTables(std::uint32_t request_timeout_ms = 20'000) : FakeStores(request_timeout_ms) {
    cluster().cql(
        "CREATE TABLE k.t (a bigint, c bigint, n bigint, text text, PRIMARY KEY (a, c)) WITH "
        "CLUSTERING ORDER BY (c DESC)");
    for (std::int64_t a = 0; a < kPartitions; ++a) {
      for (std::int64_t c = 0; c < kRowsOfEach; ++c) {
        if (has_row(a, c)) add(a, c);
      }
    }
  }

  void add(std::int64_t a, std::int64_t c) {
    cluster().cql("INSERT INTO k.t (a, c, n, text) VALUES (?, ?, ?, ?)",
                  {big_endian(a), big_endian(c), big_endian(1000 * a + c),
                   fmt::format("row {} of {}{}", c, a, std::string(200, '.'))});
  }

  std::unique_ptr<cassandra::RowStore> rows(bool to_fill = false, const std::string& name = "t") {
    ConnectionOptions options;
    options.index_dir = index_.path();
    options.warn = warnings.function();
    return std::make_unique<cassandra::RowStore>(session(), url(name), options, to_fill);
  }

  FakeWarnings warnings;

 private:
  TempFolder index_;
};

AttachOptions small_blocks() {
  AttachOptions options;
  options.block_bytes = 4096;
  options.digest_values = true;
  return options;
}

/// Every row of the table once, and right.
void expect_all_rows(const std::vector<ReadResult>& results) {
  std::set<std::int64_t> seen;
  for (const auto& result : results) {
    if (result.failure) FAIL() << error_of([&] { std::rethrow_exception(result.failure); }).what();
    const auto& numbers = static_cast<const arrow::Int64Array&>(*result.chunk->column(0));
    const auto& texts = static_cast<const arrow::StringArray&>(*result.chunk->column(1));
    for (std::int64_t i = 0; i < numbers.length(); ++i) {
      const auto number = numbers.Value(i);
      EXPECT_TRUE(seen.insert(number).second) << number;
      EXPECT_TRUE(
          texts.GetView(i).starts_with(fmt::format("row {} of {}.", number % 1000, number / 1000)));
    }
  }
  std::size_t expected = 0;
  for (std::int64_t a = 0; a < kPartitions; ++a) {
    for (std::int64_t c = 0; c < kRowsOfEach; ++c) expected += has_row(a, c) ? 1 : 0;
  }
  EXPECT_EQ(seen.size(), expected);
}

bool is_row_read(const FakeOperation& operation) {
  return operation.is_read() && operation.says("\"k\".\"t\"");
}

class RowTableTest : public FakeStoreTest {};

TEST_F(RowTableTest, AttachedReadAndVerified) {
  RowTables tables;
  auto store = tables.rows();
  expect_error(ErrorCode::kNotFound, {"not attached", "ringfeed attach"},
               [&] { store->versions(); });
  const auto manifest = store->attach(small_blocks()).manifest;
  EXPECT_EQ(manifest.version, 1u);
  const auto results = read_all_blocks(*store, manifest, "train");
  EXPECT_GT(results.size(), 5u);
  expect_all_rows(results);
  EXPECT_GT(store->verify(manifest, nullptr), 10'000u);
}

/// Index and rows do not depend on what fails on the way.
TEST_F(RowTableTest, AttachingWithAFailureAtEachOperationMakesTheSameIndexOrNone) {
  std::uint64_t operations = 0;
  std::string expected;
  const auto text_of = [](const AttachResult& result) { return result.manifest.encode(); };
  {
    RowTables tables(kTimeoutMs);
    auto store = tables.rows();
    tables.cluster().set_script(nullptr);
    expected = text_of(store->attach(small_blocks()));
    operations = tables.cluster().operations();
  }
  std::atomic<int> failed = 0;
  std::atomic<int> ended = 0;
  run_fault_trials(operations, 1, [&](std::uint64_t n, const TrialFault& fault) {
    RowTables tables(kTimeoutMs);
    auto store = tables.rows();
    tables.cluster().set_script(at_operation(n, fault.action));
    std::string text;
    if (const auto error = caught([&] { text = text_of(store->attach(small_blocks())); })) {
      ++failed;
      EXPECT_TRUE(error->retryable() || error->code() == ErrorCode::kNotFound) << error->what();
      tables.cluster().set_script(nullptr);
      EXPECT_TRUE(caught([&] { store->versions(); }));
    } else {
      ++ended;
      EXPECT_EQ(text, expected);
    }
  });
  EXPECT_GT(failed, 0);
  EXPECT_GT(ended, failed);
}

TEST_F(RowTableTest, AttachingEndsWhenItIsStopped) {
  RowTables tables;
  auto store = tables.rows();
  std::uint64_t operations = 0;
  tables.cluster().set_script(nullptr);
  store->attach(small_blocks());
  operations = tables.cluster().operations();
  int stopped = 0;
  for (std::uint64_t n = 0; n < operations; n += 3) {
    std::stop_source stop;
    tables.cluster().set_script([&](const FakeOperation& operation) {
      if (operation.number == n) stop.request_stop();
      return FakeAction{};
    });
    AttachOptions options = small_blocks();
    options.stop = stop.get_token();
    const auto before = store->versions().size();
    if (const auto error = caught([&] { store->attach(options); })) {
      ++stopped;
      EXPECT_EQ(error->code(), ErrorCode::kCancelled) << error->what();
      EXPECT_EQ(store->versions().size(), before);
    }
  }
  EXPECT_GT(stopped, 5);
}

TEST_F(RowTableTest, AFailureAtEachReadIsGotOver) {
  RowTables tables(kTimeoutMs);
  auto store = tables.rows();
  const auto manifest = store->attach(small_blocks()).manifest;
  const auto reader = store->reader(manifest, "train", 2);
  for (const auto& fault : trial_faults()) {
    for (std::uint64_t n = 0; n < reader->blocks().size(); n += 2) {
      SCOPED_TRACE(fmt::format("{} at read {}", fault.name, n));
      tables.cluster().set_script(at_operation(n, fault.action));
      expect_all_rows(read_all_blocks(*reader));
    }
  }
}

TEST_F(RowTableTest, WhenNoNodeEverAnswersEachReadEndsWithItsFailure) {
  RowTables tables(50);
  auto store = tables.rows();
  const auto manifest = store->attach(small_blocks()).manifest;
  const auto reader = store->reader(manifest, "train", 2);
  for (const auto& [action, code] :
       {std::pair(fake_failure(RF_NO_CONNECTION), ErrorCode::kUnavailable),
        std::pair(fake_failure(RF_UNAUTHORIZED), ErrorCode::kPermission),
        std::pair(fake_lost(false), ErrorCode::kTimeout)}) {
    tables.cluster().set_script(
        [&action](const FakeOperation& o) { return is_row_read(o) ? action : FakeAction{}; });
    for (const auto& result : read_all_blocks(*reader)) {
      ASSERT_EQ(result.chunk, nullptr);
      expect_error(code, {"version 1: block "}, [&] { std::rethrow_exception(result.failure); });
    }
  }
}

/// The first reading misses rows, as a replica may that was away: the second one decides.
TEST_F(RowTableTest, WhatDiffersIsReadAgainAtAQuorum) {
  RowTables tables;
  auto store = tables.rows();
  const auto manifest = store->attach(small_blocks()).manifest;
  std::atomic<int> again = 0;
  std::atomic<bool> wrong_again = false;
  tables.cluster().set_script([&](const FakeOperation& operation) {
    FakeAction action;
    if (!is_row_read(operation)) return action;
    const bool quorum = operation.consistency == 0x0006;
    if (quorum) ++again;
    if (quorum && !wrong_again) return action;
    action.change = [](FakeRows& rows) {
      if (!rows.rows.empty()) rows.rows.pop_back();
    };
    return action;
  });
  expect_all_rows(read_all_blocks(*store, manifest, "train"));
  EXPECT_GT(again, 5);
  wrong_again = true;
  for (const auto& result : read_all_blocks(*store, manifest, "train")) {
    expect_error(ErrorCode::kBadData, {"rows changed since attach"},
                 [&] { std::rethrow_exception(result.failure); });
  }
}

TEST_F(RowTableTest, ChangedRowsAreNeverDelivered) {
  RowTables tables;
  auto store = tables.rows();
  const auto manifest = store->attach(small_blocks()).manifest;
  const auto expect_changed = [&] {
    int changed = 0;
    for (const auto& result : read_all_blocks(*store, manifest, "train")) {
      if (!result.failure) continue;
      ++changed;
      expect_error(ErrorCode::kBadData, {"rows changed since attach", "attach again"},
                   [&] { std::rethrow_exception(result.failure); });
    }
    EXPECT_EQ(changed, 1);
    expect_error(ErrorCode::kBadData, {"rows changed since attach"},
                 [&] { store->verify(manifest, nullptr); });
  };
  tables.add(7, 900);
  expect_changed();
  tables.cluster().cql("DELETE FROM k.t WHERE a = 7 AND c = 900");
  expect_all_rows(read_all_blocks(*store, manifest, "train"));
  tables.cluster().cql("UPDATE k.t SET text = 'other' WHERE a = 7 AND c = 1");
  expect_changed();
}

TEST_F(RowTableTest, DestroyedAtAnyMomentEachReadEndsOnce) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  RowTables tables;
  auto store = tables.rows();
  const auto manifest = store->attach(small_blocks()).manifest;
  std::atomic<int> cancelled = 0;
  for (int turn = 0; turn < 25; ++turn) {
    auto reader = store->reader(manifest, "train", 1 + turn % 3);
    const bool hold = turn % 5 == 0;
    tables.cluster().set_script([&random, hold](const FakeOperation& operation) {
      FakeAction action;
      if (!is_row_read(operation)) return action;
      action.held = hold;
      action.delay = std::chrono::milliseconds(random.below(3));
      if (!hold && random.below(5) == 0) return fake_failure(RF_FAILED);
      return action;
    });
    const std::size_t count = reader->blocks().size();
    std::vector<std::atomic<int>> calls(count);
    std::atomic<std::uint64_t> answered = 0;
    for (std::size_t i = 0; i < count; ++i) {
      reader->read(i, [&, i](const Chunk& chunk, const std::exception_ptr& failure) {
        ++calls[i];
        EXPECT_NE(chunk == nullptr, failure == nullptr);
        if (failure) ++cancelled;
        ++answered;
        answered.notify_all();
      });
    }
    if (hold) {
      ASSERT_TRUE(tables.cluster().wait_for_held(count));
    } else {
      const std::uint64_t until = static_cast<std::uint64_t>(turn) % count;
      for (auto now = answered.load(); now < until; now = answered.load()) answered.wait(now);
    }
    reader.reset();
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(calls[i], 1) << i;
    tables.cluster().release();
    tables.cluster().set_script(nullptr);
  }
  EXPECT_GT(cancelled, 0);
}

/// A table of one partition, whose block is read in several pages.
struct LongBlock {
  explicit LongBlock(std::uint32_t request_timeout_ms) : stores(request_timeout_ms) {
    stores.cluster().cql("CREATE TABLE k.big (a bigint, c bigint, text text, PRIMARY KEY (a, c))");
    for (std::int64_t c = 0; c < kRows; ++c) {
      stores.cluster().cql("INSERT INTO k.big (a, c, text) VALUES (?, ?, ?)",
                           {big_endian(1), big_endian(c), text_of(c)});
    }
    ConnectionOptions options;
    options.index_dir = index.path();
    cassandra::RowStore store(stores.session(), stores.url("big"), options, false);
    AttachOptions of_attach;
    of_attach.block_bytes = 16 << 20;
    reader = store.reader(store.attach(of_attach).manifest, "train", 2);
    stores.cluster().set_script(nullptr);
  }

  static std::string text_of(std::int64_t c) {
    return std::string(300'000, static_cast<char>('A' + c));
  }

  void expect_right(const ReadResult& result) const {
    if (result.failure) FAIL() << error_of([&] { std::rethrow_exception(result.failure); }).what();
    const auto& texts = static_cast<const arrow::StringArray&>(*result.chunk->column(0));
    ASSERT_EQ(texts.length(), kRows);
    for (std::int64_t c = 0; c < kRows; ++c) EXPECT_EQ(texts.GetView(c), text_of(c));
  }

  static constexpr std::int64_t kRows = 20;
  FakeStores stores;
  TempFolder index;
  std::unique_ptr<BlockReader> reader;
};

/// Each page from whichever replica answers, with a failure at every one of them.
TEST_F(RowTableTest, ABlockOfSeveralPagesIsWholeWhateverFails) {
  LongBlock block(kTimeoutMs);
  ASSERT_EQ(block.reader->blocks().size(), 1u);
  block.expect_right(read_all_blocks(*block.reader)[0]);
  const std::uint64_t pages = block.stores.cluster().operations();
  ASSERT_GE(pages, 2u);
  for (const auto& action :
       {fake_failure(RF_OVERLOADED), fake_failure(RF_NO_CONNECTION), fake_lost(false)}) {
    for (std::uint64_t n = 0; n < pages; ++n) {
      SCOPED_TRACE(fmt::format("status {} at page {}", action.status, n));
      block.stores.cluster().set_script(at_operation(n, action));
      block.expect_right(read_all_blocks(*block.reader)[0]);
    }
  }
}

/// The first replica is late and the second one is asked as well: what the first one says of this
/// page in the end is no answer to the next.
TEST_F(RowTableTest, AnAnswerThatWasOvertakenIsNotTakenForTheNextPage) {
  std::latch ended(1);
  ReadResult result;
  LongBlock block(600'000);
  auto& cluster = block.stores.cluster();
  std::atomic<int> at_quorum = 0;
  cluster.set_script([&](const FakeOperation& operation) {
    FakeAction action;
    if (operation.consistency == 0x0006) ++at_quorum;
    action.held = operation.number == 0 || operation.number == 2;  // page 0, and page 1
    return action;
  });
  block.reader->read(0, [&](Chunk chunk, std::exception_ptr failure) {
    result = {std::move(chunk), failure};
    ended.count_down();
  });
  ASSERT_TRUE(cluster.wait_for_held(2));
  cluster.release();
  ended.wait();
  block.expect_right(result);
  EXPECT_EQ(at_quorum, 0) << "the block was read twice";
}

/// Columns that are handed out in the memory of the received pages.
TEST_F(RowTableTest, ChunksOutliveReaderAndSession) {
  std::vector<ReadResult> results;
  {
    RowTables tables;
    auto store = tables.rows();
    results = read_all_blocks(*store, store->attach(small_blocks()).manifest, "train");
  }
  expect_all_rows(results);
}

/// The i of every sample that a row store delivers, by split.
std::map<std::string, std::multiset<std::int64_t>> numbers_of(Store& store,
                                                              const Manifest& manifest) {
  std::map<std::string, std::multiset<std::int64_t>> numbers;
  for (const auto& split : manifest.splits) {
    for (const auto& result : read_all_blocks(store, manifest, split)) {
      if (result.failure) std::rethrow_exception(result.failure);
      for (std::int64_t row = 0; row < result.chunk->num_rows(); ++row)
        numbers[split].insert(number_of(*result.chunk, row));
    }
  }
  return numbers;
}

TEST_F(RowTableTest, FilledWithAFailureAtEachOperationTheNextTryEnds) {
  constexpr std::int64_t kSamplesFilled = 20;
  std::uint64_t operations = 0;
  std::map<std::string, std::multiset<std::int64_t>> expected;
  {
    RowTables tables(kTimeoutMs);
    auto store = tables.rows(true, "filled");
    tables.cluster().set_script(nullptr);
    const auto manifest = ingest_into(*store, kSamplesFilled).manifest;
    operations = tables.cluster().operations();
    expected = numbers_of(*store, manifest);
    EXPECT_EQ(expected["train"].size() + expected["val"].size(), std::size_t{kSamplesFilled});
    EXPECT_TRUE(ingest_into(*store, kSamplesFilled).unchanged);
  }
  std::atomic<int> failed = 0;
  std::atomic<int> ended = 0;
  run_fault_trials(operations, 1, [&](std::uint64_t n, const TrialFault& fault) {
    RowTables tables(kTimeoutMs);
    auto store = tables.rows(true, "filled");
    tables.cluster().set_script(at_operation(n, fault.action));
    const auto error = caught([&] { ingest_into(*store, kSamplesFilled); });
    tables.cluster().set_script(nullptr);
    if (error) {
      ++failed;
      EXPECT_TRUE(error->retryable() || error->code() == ErrorCode::kNotFound) << error->what();
    } else {
      ++ended;
    }
    ingest_into(*store, kSamplesFilled);
    const auto manifest = store->manifest(store->versions().back());
    EXPECT_EQ(numbers_of(*store, manifest), expected);
    EXPECT_EQ(tables.cluster().cql("SELECT id FROM k.filled").rows.size(),
              std::size_t{kSamplesFilled});
  });
  EXPECT_GT(failed, 0);
  EXPECT_GT(ended, failed);
}

}  // namespace
}  // namespace ringfeed::testing
