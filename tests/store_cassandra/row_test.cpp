// Row tables: attaching, reading, verifying and filling them, with a failure at every event.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <latch>
#include <map>
#include <random>
#include <set>
#include <stop_token>

#include "base/random.hpp"
#include "cql/value.hpp"
#include "dataset/chunk.hpp"
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
  const auto reader = store->reader(manifest, "train", {}, 2);
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
  const auto reader = store->reader(manifest, "train", {}, 2);
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
    auto reader = store->reader(manifest, "train", {}, 1 + turn % 3);
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
    reader = store.reader(store.attach(of_attach).manifest, "train", {}, 2);
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
  block.reader->read(0, [&](const Chunk& chunk, const std::exception_ptr& failure) {
    result = {chunk, failure};
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

TEST_F(RowTableTest, IngestedAgainRowsThatAreGoneArePutBack) {
  constexpr std::int64_t kSamplesFilled = 20;
  RowTables tables;
  auto store = tables.rows(true, "filled");
  const auto expected = numbers_of(*store, ingest_into(*store, kSamplesFilled).manifest);
  const auto ids = tables.cluster().cql("SELECT id FROM k.filled").rows;
  for (std::size_t i = 0; i < 3; ++i)
    tables.cluster().cql("DELETE FROM k.filled WHERE id = ?", {ids.at(i).at(0)});
  const auto again = ingest_into(*store, kSamplesFilled);
  EXPECT_FALSE(again.unchanged);
  EXPECT_EQ(again.repaired, 3u);
  EXPECT_EQ(numbers_of(*store, again.manifest), expected);
  EXPECT_TRUE(ingest_into(*store, kSamplesFilled).unchanged);
}

TEST_F(RowTableTest, RowsThatWereStoredAndAreNotThereAreNotAttached) {
  RowTables tables;
  auto store = tables.rows(true, "filled");
  tables.cluster().set_script([](const FakeOperation& operation) {
    FakeAction action;
    if (operation.is_read() && operation.says("token(\"id\") <= ?")) {
      action.change = [](FakeRows& rows) {
        if (!rows.rows.empty()) rows.rows.pop_back();
      };
    }
    return action;
  });
  expect_error(ErrorCode::kBadData, {"20 rows were stored and ", "a time in the future"},
               [&] { ingest_into(*store, 20); });
  tables.cluster().set_script(nullptr);
  expect_error(ErrorCode::kNotFound, {"not attached"}, [&] { store->versions(); });
}

TEST_F(RowTableTest, DeleteGetsOutWhenTheTableIsGone) {
  RowTables tables;
  auto store = tables.rows();
  store->attach(small_blocks());
  tables.cluster().cql("DROP TABLE k.t");
  auto later = tables.rows();
  EXPECT_TRUE(later->is_attached());
  EXPECT_EQ(later->versions().size(), 1u);
  later->remove(1);
  EXPECT_FALSE(later->is_attached());
}

TEST_F(RowTableTest, MaskedColumnsAreRefusedByName) {
  RowTables tables;
  tables.cluster().cql(
      "CREATE TABLE k.m (id bigint PRIMARY KEY, label bigint MASKED WITH DEFAULT, n bigint)");
  tables.cluster().cql("INSERT INTO k.m (id, label, n) VALUES (1, 2, 3)");
  EXPECT_EQ(tables.rows(false, "m")->attach({}).manifest.schema.columns.size(), 2u);
  auto connection = tables.connection();
  connection.user = "reader";
  ConnectionOptions options;
  TempFolder index;
  options.index_dir = index.path();
  cassandra::RowStore store(cql::Session::open(connection, "k"), tables.url("m"), options, false);
  expect_error(ErrorCode::kPermission, {"column label is masked", "GRANT UNMASK", "columns"},
               [&] { store.attach({}); });
  AttachOptions of_attach;
  of_attach.columns = {"n"};
  EXPECT_EQ(store.attach(of_attach).manifest.schema.columns.size(), 1u);
}

/// Cells with a NaN as the last of their elements.
TEST_F(RowTableTest, AValueThatIsNotFiniteIsAnErrorThatNamesItsRow) {
  const std::string nan("\x7f\xc0\0\0", 4);
  const std::string nan8("\x7f\xf8\0\0\0\0\0\0", 8);
  const std::string list("\0\0\0\1\0\0\0\x08", 8);
  const std::map<std::string, std::pair<std::string, std::string>> columns = {
      {"float", {std::string(4, '\0'), nan}},
      {"double", {std::string(8, '\0'), nan8}},
      {"vector<float, 200>", {std::string(800, '\0'), std::string(796, '\0') + nan}},
      {"vector<float, 2>", {std::string(8, '\0'), std::string(4, '\0') + nan}},
      {"frozen<list<double>>", {list + std::string(8, '\0'), list + nan8}}};
  for (const auto& [type, cells] : columns) {
    SCOPED_TRACE(type);
    RowTables tables;
    tables.cluster().cql(fmt::format("CREATE TABLE k.f (id bigint PRIMARY KEY, x {})", type));
    for (std::int64_t id = 0; id < 9; ++id) {
      tables.cluster().cql("INSERT INTO k.f (id, x) VALUES (?, ?)",
                           {big_endian(id), id == 7 ? cells.second : cells.first});
    }
    auto store = tables.rows(false, "f");
    const auto manifest = store->attach({}).manifest;
    const auto read = [&](const Manifest& of) {
      for (const auto& result : read_all_blocks(*store, of, "train")) {
        if (result.failure) std::rethrow_exception(result.failure);
      }
    };
    const std::vector<std::string> words = {"the row with id=7", "column x", "NaN", "allow_nan"};
    expect_error(ErrorCode::kBadData, words, [&] { read(manifest); });
    expect_error(ErrorCode::kBadData, words, [&] { store->verify(manifest, nullptr); });
    AttachOptions options;
    options.allow_nan = true;
    const auto allowed = store->attach(options).manifest;
    EXPECT_TRUE(allowed.origin.allow_nan);
    read(allowed);
    EXPECT_TRUE(tables.rows(false, "f")->manifest(2).origin.allow_nan) << "it is in the index";
  }
}

TEST_F(RowTableTest, WhatIngestAdmitsAndTheNamesOfClassesAreInTheIndex) {
  RowTables tables;
  const TempFolder folder;
  write_all(folder / "a.csv", "x,label\n1.5,dog\nnan,cat\n");
  SourceOptions options;
  options.allow_nan = true;
  options.classes = {{"label"}};
  const auto fill = [&](const IngestOptions& how) {
    return ingest(*open_source({folder / "a.csv"}, options), *tables.rows(true, "n"), how).manifest;
  };
  expect_error(ErrorCode::kInvalidArgument, {"rows of a table are not replaced"},
               [&] { fill({.overwrite = true}); });
  const std::vector<std::string> names = {"cat", "dog"};
  for (const auto& manifest : {fill({}), tables.rows(false, "n")->manifest(1)}) {
    EXPECT_TRUE(manifest.origin.allow_nan);
    EXPECT_EQ(manifest.schema.at("label").classes, names);
    for (const auto& result : read_all_blocks(*tables.rows(false, "n"), manifest, "train"))
      EXPECT_EQ(result.failure, nullptr);
  }
  EXPECT_EQ(tables.rows(false, "n")->attach({}).manifest.schema.at("label").classes, names)
      << "the table's comment has them";
}

/// The split's column wherever it may stand in the key, in partitions longer than a block.
TEST_F(RowTableTest, TheSplitMayBeAnyColumnOfTheKey) {
  const char* const keys[] = {
      "PRIMARY KEY (split, n)",
      "PRIMARY KEY ((split, k), n)",
      "PRIMARY KEY (k, split, n)",
      "PRIMARY KEY (k, n, split)",
      "PRIMARY KEY (k, split, n)) WITH CLUSTERING ORDER BY (split DESC, n DESC",
      "PRIMARY KEY (k, n)",
  };
  for (const auto* const key : keys) {
    SCOPED_TRACE(key);
    RowTables tables;
    tables.cluster().cql(
        fmt::format("CREATE TABLE k.s (k bigint, split text, n bigint, text text, {})", key));
    std::map<std::string, std::multiset<std::int64_t>> expected;
    for (std::int64_t n = 0; n < 400; ++n) {
      const std::string split = n % 10 == 0 ? "val" : n % 10 == 1 ? "a" : "train";
      tables.cluster().cql("INSERT INTO k.s (k, split, n, text) VALUES (?, ?, ?, ?)",
                           {big_endian(n % 2), split, big_endian(n), std::string(200, '.')});
      expected[split].insert(n);
    }
    auto store = tables.rows(false, "s");
    AttachOptions options = small_blocks();
    options.columns = {"n", "text"};
    options.split_column = "split";
    const auto manifest = store->attach(options).manifest;
    std::map<std::string, std::multiset<std::int64_t>> numbers;
    for (const auto& split : manifest.splits) {
      for (const auto& result : read_all_blocks(*store, manifest, split)) {
        if (result.failure) std::rethrow_exception(result.failure);
        const auto& of = static_cast<const arrow::Int64Array&>(*result.chunk->column(0));
        for (std::int64_t i = 0; i < of.length(); ++i) numbers[split].insert(of.Value(i));
      }
    }
    EXPECT_EQ(numbers, expected);
    store->verify(manifest, nullptr);
  }
}

TEST_F(RowTableTest, WhatTheServerRefusesLaterIsRefusedBeforeAnIndexIsWritten) {
  RowTables tables;
  const FakeCluster::Script guardrail = [](const FakeOperation& operation) {
    return operation.is_read() && operation.says("ALLOW FILTERING") ? fake_failure(RF_INVALID)
                                                                    : FakeAction{};
  };
  tables.cluster().cql("CREATE TABLE k.s (n bigint PRIMARY KEY, split text)");
  tables.cluster().cql("INSERT INTO k.s (n, split) VALUES (1, 'train')");
  auto store = tables.rows(false, "s");
  tables.cluster().set_script(guardrail);
  AttachOptions options;
  options.columns = {"n"};
  options.split_column = "split";
  expect_error(ErrorCode::kInvalidArgument, {"the rows cannot be read", "split column"},
               [&] { store->attach(options); });
  EXPECT_FALSE(store->is_attached());
  auto filled = tables.rows(true, "filled");
  expect_error(ErrorCode::kInvalidArgument, {"the rows cannot be read"},
               [&] { ingest_into(*filled, 20); });
  EXPECT_TRUE(tables.cluster().cql("SELECT id FROM k.filled").rows.empty());
}

TEST_F(RowTableTest, ColumnsThatAreLeftOutAreNotAskedFor) {
  RowTables tables;
  tables.cluster().cql("CREATE TABLE k.o (id bigint PRIMARY KEY, n bigint, odd mystery)");
  tables.cluster().cql("INSERT INTO k.o (id, n) VALUES (1, 2)");
  std::atomic<int> asked = 0;
  tables.cluster().set_script([&](const FakeOperation& operation) {
    if (operation.says("odd")) ++asked;
    return FakeAction{};
  });
  AttachOptions options;
  options.columns = {"n"};
  auto store = tables.rows(false, "o");
  EXPECT_EQ(read_all_blocks(*store, store->attach(options).manifest, "train").size(), 1u);
  EXPECT_EQ(asked, 0);
  expect_error(ErrorCode::kInvalidArgument, {"odd", "mystery"}, [&] { store->attach({}); });
}

/// They read like the types that an ingest writes, and cannot be written alike.
TEST_F(RowTableTest, ATableWithNarrowerTypesIsNotFilled) {
  RowTables tables;
  auto made = tables.rows(true, "made");
  ingest_into(*made, 20);
  std::string columns;
  for (const auto& row : tables.cluster()
                             .cql("SELECT column_name, type FROM system_schema.columns WHERE "
                                  "keyspace_name = 'k' AND table_name = 'made'")
                             .rows)
    columns += fmt::format(", \"{}\" {}", *row.at(0), *row.at(1));
  for (const auto& [type, narrow] :
       {std::pair("id\" uuid", "id\" timeuuid"), {"bigint", "counter"}, {"text", "ascii"}}) {
    std::string narrowed = columns;
    const auto at = narrowed.find(type);
    ASSERT_NE(at, std::string::npos) << columns;
    narrowed.replace(at, std::string(type).size(), narrow);
    tables.cluster().cql(
        fmt::format("CREATE TABLE k.narrow ({}, PRIMARY KEY (id))", narrowed.substr(2)));
    auto store = tables.rows(true, "narrow");
    expect_error(ErrorCode::kConflict, {"with other columns"}, [&] { ingest_into(*store, 20); });
    tables.cluster().cql("DROP TABLE k.narrow");
  }
}

/// The guardrails of a managed cluster: what a smaller or plainer request would pass is no end.
TEST_F(RowTableTest, GuardrailsAreGotOver) {
  RowTables tables;
  const auto guarded = [](const FakeOperation& operation) {
    FakeAction action;
    if (operation.is_read() && operation.page_rows > 3) {
      action = fake_failure(RF_INVALID);
      action.message = fmt::format(
          "Guardrail page_size violated: Query for table t with page size {} exceeds failure "
          "threshold of 3",
          operation.page_rows);
    } else if (operation.is_read() && operation.consistency == 0x000A) {
      action = fake_failure(RF_INVALID);
    } else if (operation.kind == FakeOperation::Kind::kExecute && operation.says("CREATE TABLE") &&
               operation.says(" id = ")) {
      action = fake_failure(RF_INVALID);
      action.message =
          "Guardrail table_properties violated: Provided values [id] are not allowed for Table "
          "Properties (provided values are: [comment, id])";
    }
    return action;
  };
  tables.cluster().set_script(guarded);
  auto connection = tables.connection();
  connection.read_consistency = Consistency::kLocalQuorum;
  TempFolder index;
  ConnectionOptions options;
  options.index_dir = index.path();
  const auto open = [&](const std::string& name, bool to_fill) {
    return std::make_unique<cassandra::RowStore>(cql::Session::open(connection, "k"),
                                                 tables.url(name), options, to_fill);
  };
  auto store = open("t", false);
  const auto manifest = store->attach(small_blocks()).manifest;
  expect_all_rows(read_all_blocks(*open("t", false), manifest, "train"));
  auto filled = open("filled", true);
  EXPECT_EQ(numbers_of(*filled, ingest_into(*filled, 20).manifest)["train"].size(), 15u);
}

/// Without vectors, and in a table that the user made, a tensor of floats is a blob or a list.
TEST_F(RowTableTest, TensorsAreWrittenAsTheServerOrTheTableHasThem) {
  const auto image_type = [](RowTables& tables) {
    return *tables.cluster()
                .cql(
                    "SELECT type FROM system_schema.columns WHERE keyspace_name = 'k' AND "
                    "table_name = 'filled' AND column_name = 'image'")
                .rows.at(0)
                .at(0);
  };
  for (const std::string type :
       {"", "blob", "list<float>", "frozen<list<float>>", "vector<float, 6>"}) {
    SCOPED_TRACE(type);
    RowTables tables;
    if (type.empty()) {
      tables.cluster().set_script([](const FakeOperation& operation) {
        FakeAction action;
        if (operation.is_read() && operation.says("release_version"))
          action.change = [](FakeRows& rows) { rows.rows = {{"4.1.10"}}; };
        return action;
      });
    } else {
      tables.cluster().cql(
          fmt::format("CREATE TABLE k.filled (id uuid PRIMARY KEY, image {}, label bigint, text "
                      "text, tags frozen<list<smallint>>, flag boolean, bits blob, split text)",
                      type));
    }
    auto store = tables.rows(true, "filled");
    const auto manifest = ingest_into(*store, 20).manifest;
    EXPECT_EQ(image_type(tables), type.empty() ? "blob" : type);
    for (const auto& result : read_all_blocks(*store, manifest, "train")) {
      ASSERT_NE(result.chunk, nullptr);
      const auto chunk = gathered(result.chunk, manifest.schema);
      const auto views = column_views(*chunk, manifest.schema);
      for (std::size_t row = 0; row < static_cast<std::size_t>(chunk->num_rows()); ++row) {
        const auto i = number_of(*chunk, static_cast<std::int64_t>(row));
        float last = 0;
        std::memcpy(&last, views[0].sample(row) + 20, 4);
        EXPECT_EQ(last, static_cast<float>(6 * i + 5));
      }
    }
  }
}

}  // namespace
}  // namespace ringfeed::testing
