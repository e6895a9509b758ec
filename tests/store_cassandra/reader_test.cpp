// The reader of chunks against nodes that answer late, wrongly or not at all.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "base/random.hpp"
#include "dataset/chunk.hpp"
#include "errors.hpp"
#include "store/cassandra/tables.hpp"
#include "store_cassandra/blocks.hpp"
#include "store_cassandra/fake_store.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kLocalQuorum = 0x0006;

/// A data set of two splits in a cluster.
class PackedSet {
 public:
  explicit PackedSet(std::int64_t samples = 600, std::uint32_t request_timeout_ms = 20'000,
                     int copies = 2)
      : stores(request_timeout_ms, 3, copies) {
    auto store = stores.store();
    manifest = ingest_into(store, samples).manifest;
    for (const auto& part : manifest.parts) {
      if (part.split != "train") continue;
      const auto key = cassandra::parse_part_name(part.name, "test").first;
      for (std::size_t i = 0; i < part.chunk_bytes.size(); ++i) {
        const auto rows = stores.cluster().cql(
            fmt::format("SELECT data FROM k.set_chunks WHERE claim = {} AND number = {}", key.claim,
                        key.number + static_cast<std::int64_t>(i)));
        blocks.push_back(*rows.rows.at(0).at(0));
      }
    }
  }

  bool is_right(std::size_t number, const std::shared_ptr<arrow::RecordBatch>& chunk) const {
    return chunk != nullptr && encode_chunk(*chunk)->ToString() == blocks.at(number);
  }
  /// All of them, and right.
  void expect_right(const std::vector<ReadResult>& results) const {
    ASSERT_EQ(results.size(), blocks.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].failure)
        FAIL() << i << ": " << error_of([&] { std::rethrow_exception(results[i].failure); }).what();
      ASSERT_TRUE(is_right(i, results[i].chunk)) << i;
    }
  }
  FakeCluster& cluster() { return stores.cluster(); }

  FakeStores stores;
  Manifest manifest;
  std::vector<std::string> blocks;  ///< of the split train, as they are stored
};

/// The nth read of a chunk goes so.
FakeCluster::Script at_read(std::uint64_t n, const FakeAction& action) {
  return [n, action, reads = std::uint64_t{0}](const FakeOperation& operation) mutable {
    return is_chunk_read(operation) && reads++ == n ? action : FakeAction{};
  };
}

FakeCluster::Script at_every_read(const FakeAction& action) {
  return [action](const FakeOperation& operation) {
    return is_chunk_read(operation) ? action : FakeAction{};
  };
}

FakeAction answering(std::function<void(FakeRows&)> change) {
  FakeAction action;
  action.change = std::move(change);
  return action;
}

void flip_a_bit(FakeRows& rows) {
  for (auto& row : rows.rows) {
    auto& data = row.at(1);
    if (data && !data->empty()) (*data)[data->size() / 2] ^= 1;
  }
}

void leave_out(FakeRows& rows) { rows.rows.clear(); }

class ChunkReaderTest : public FakeStoreTest {};

TEST_F(ChunkReaderTest, ReadsEveryBlockWhereverItsBytesBegin) {
  PackedSet set;
  ASSERT_GT(set.blocks.size(), 5u);
  for (std::size_t offset = 0; offset < 8; ++offset) {
    set.cluster().set_frame_offset(offset);
    auto store = set.stores.store();
    set.expect_right(read_all_blocks(store, set.manifest, "train"));
  }
}

TEST_F(ChunkReaderTest, ChunksOutliveReaderAndSession) {
  PackedSet set;
  std::vector<ReadResult> results;
  {
    auto store = set.stores.store();
    results = read_all_blocks(store, set.manifest, "train");
  }
  set.expect_right(results);
}

TEST_F(ChunkReaderTest, AFailureThatPassesAtEachReadIsGotOver) {
  PackedSet set;
  for (const int status :
       {RF_UNAVAILABLE, RF_OVERLOADED, RF_TIMEOUT, RF_NO_CONNECTION, RF_FAILED, RF_UNKNOWN_TABLE}) {
    for (std::size_t n = 0; n < set.blocks.size(); ++n) {
      SCOPED_TRACE(fmt::format("status {} at read {}", status, n));
      auto store = set.stores.store();
      set.cluster().set_script(at_read(n, fake_failure(status)));
      set.expect_right(read_all_blocks(store, set.manifest, "train"));
    }
  }
}

TEST_F(ChunkReaderTest, AFailureThatDoesNotPassEndsItsBlockAlone) {
  PackedSet set;
  for (const auto& [status, code] : {std::pair(RF_INVALID, ErrorCode::kInvalidArgument),
                                     std::pair(RF_UNAUTHORIZED, ErrorCode::kPermission),
                                     std::pair(RF_INTERNAL, ErrorCode::kInternal),
                                     std::pair(RF_CLOSED, ErrorCode::kCancelled)}) {
    for (std::size_t n = 0; n < set.blocks.size(); ++n) {
      SCOPED_TRACE(fmt::format("status {} at read {}", int{status}, n));
      auto store = set.stores.store();
      set.cluster().set_script(at_read(n, fake_failure(status)));
      const auto results = read_all_blocks(store, set.manifest, "train");
      std::size_t failed = 0;
      for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i].failure) {
          ++failed;
          expect_error(code, {"chunk ", "set"},
                       [&] { std::rethrow_exception(results[i].failure); });
        } else {
          EXPECT_TRUE(set.is_right(i, results[i].chunk)) << i;
        }
      }
      EXPECT_EQ(failed, 1u);
    }
  }
}

TEST_F(ChunkReaderTest, ARoundInWhichEveryReplicaFailsIsFollowedByAnother) {
  PackedSet set;
  auto store = set.stores.store();
  std::map<std::vector<FakeCell>, int> asked;
  set.cluster().set_script([&](const FakeOperation& operation) {
    if (!is_chunk_read(operation)) return FakeAction{};
    return ++asked[operation.values] <= 2 ? fake_failure(RF_FAILED) : FakeAction{};
  });
  set.expect_right(read_all_blocks(store, set.manifest, "train"));
}

TEST_F(ChunkReaderTest, WhenNoNodeEverAnswersEachReadEndsWithItsFailure) {
  PackedSet set(600, 50);
  for (const auto& [action, code] :
       {std::pair(fake_failure(RF_NO_CONNECTION), ErrorCode::kUnavailable),
        std::pair(fake_failure(RF_FAILED), ErrorCode::kUnavailable),
        std::pair(fake_lost(false), ErrorCode::kTimeout)}) {
    auto store = set.stores.store();
    set.cluster().set_script(at_every_read(action));
    for (const auto& result : read_all_blocks(store, set.manifest, "train")) {
      ASSERT_EQ(result.chunk, nullptr);
      expect_error(code, {"chunk ", "127.7."}, [&] { std::rethrow_exception(result.failure); });
    }
  }
}

TEST_F(ChunkReaderTest, NodesThatAreDownAreNotWaitedFor) {
  PackedSet set;
  for (int down = 0; down < 3; ++down) {
    set.cluster().set_connected(down, false);
    auto store = set.stores.store();
    set.cluster().set_script(nullptr);
    set.expect_right(read_all_blocks(store, set.manifest, "train"));
    EXPECT_LE(set.cluster().operations(), 1 + set.blocks.size()) << "a node that is down was asked";
    set.cluster().set_connected(down, true);
  }
}

/// A reader at LOCAL_QUORUM of a set with three copies.
std::unique_ptr<BlockReader> quorum_reader(const PackedSet& set) {
  Connection connection = set.stores.connection();
  connection.read_consistency = Consistency::kLocalQuorum;
  cassandra::CassandraStore store(cql::Session::open(connection, "k"), set.stores.url());
  return store.reader(set.manifest, "train", {}, 2);
}

TEST_F(ChunkReaderTest, WithTwoOfThreeNodesGoneAQuorumEndsInTimeWithTheNodesNamed) {
  PackedSet set(600, 400, 3);
  const auto reader = quorum_reader(set);
  set.expect_right(read_all_blocks(*reader));
  set.cluster().set_connected(0, false);
  set.cluster().set_connected(2, false);
  const auto begin = std::chrono::steady_clock::now();
  const auto results = read_all_blocks(*reader);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s) << "three times 400 ms are all it has";
  for (const auto& result : results) {
    expect_error(ErrorCode::kUnavailable, {"chunk ", "127.7.", "(not connected)"},
                 [&] { std::rethrow_exception(result.failure); });
  }
}

TEST_F(ChunkReaderTest, AQuorumGoesOnWhenOneOfTwoLostNodesReturns) {
  PackedSet set(600, 20'000, 3);
  const auto reader = quorum_reader(set);
  set.cluster().set_connected(0, false);
  set.cluster().set_connected(2, false);
  set.cluster().set_script(nullptr);
  auto results = std::async(std::launch::async, [&] { return read_all_blocks(*reader); });
  EXPECT_TRUE(set.cluster().wait_for_operations(4 * set.blocks.size())) << "it asks again";
  EXPECT_EQ(results.wait_for(0s), std::future_status::timeout);
  set.cluster().set_connected(2, true);
  set.expect_right(results.get());
}

TEST_F(ChunkReaderTest, OneNodeThatAnswersNothingIsNotWaitedFor) {
  PackedSet set(3000, 600'000);
  auto store = set.stores.store();
  auto reader = store.reader(set.manifest, "train", {}, 2);
  for (int i = 0; i < 4; ++i) set.expect_right(read_all_blocks(*reader));  // it learns what is late
  set.cluster().set_script([](const FakeOperation& operation) {
    FakeAction action;
    action.held = is_chunk_read(operation) && operation.node == 1;
    return action;
  });
  std::vector<ReadResult> results(set.blocks.size());
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t left = results.size();
  for (std::size_t i = 0; i < results.size(); ++i) {
    reader->read(i, [&, i](const Chunk& chunk, const std::exception_ptr& failure) {
      const std::lock_guard lock(mutex);
      results[i] = {chunk, failure};
      if (--left == 0) ended.notify_all();
    });
  }
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(ended.wait_for(lock, 60s, [&] { return left == 0; }));
  }
  EXPECT_TRUE(set.cluster().wait_for_held(1)) << "the node was asked";
  reader.reset();
  set.expect_right(results);
}

TEST_F(ChunkReaderTest, AWrongCopyIsNeverDeliveredAndItsNodeIsNamed) {
  PackedSet set;
  const std::vector<std::function<void(FakeRows&)>> wrongs = {
      flip_a_bit,
      [](FakeRows& rows) { rows.rows.at(0).at(1)->pop_back(); },
      [](FakeRows& rows) { rows.rows.at(0).at(1) = ""; },
  };
  for (const auto& wrong : wrongs) {
    FakeWarnings warnings;
    auto store = set.stores.store({.warn = warnings.function()});
    set.cluster().set_script([&](const FakeOperation& operation) {
      return is_chunk_read(operation) && operation.node == 0 ? answering(wrong) : FakeAction{};
    });
    set.expect_right(read_all_blocks(store, set.manifest, "train"));
    const auto lines = warnings.lines();
    ASSERT_FALSE(lines.empty());
    EXPECT_LE(lines.size(), 10u);
    const std::string first_node = set.cluster().addresses().substr(0, 10);
    for (const auto& line : lines) EXPECT_NE(line.find(first_node), std::string::npos) << line;

    set.cluster().set_script(at_every_read(answering(wrong)));
    for (const auto& result : read_all_blocks(store, set.manifest, "train")) {
      ASSERT_EQ(result.chunk, nullptr);
      expect_error(ErrorCode::kBadData, {"no replica has a sound copy"},
                   [&] { std::rethrow_exception(result.failure); });
    }
  }
}

TEST_F(ChunkReaderTest, ACopyThatWasDamagedOnTheWayIsAskedForOnceMore) {
  PackedSet set;
  auto store = set.stores.store();
  const auto wrong = answering([](FakeRows& rows) { (*rows.rows.at(0).at(1))[100] ^= 1; });
  std::map<std::vector<FakeCell>, int> reads;  // of a chunk
  set.cluster().set_script([&](const FakeOperation& operation) {
    // Each replica's first answer.
    return is_chunk_read(operation) && reads[operation.values]++ < 2 ? wrong : FakeAction{};
  });
  set.expect_right(read_all_blocks(store, set.manifest, "train"));
}

TEST_F(ChunkReaderTest, ACopyWithoutItsBytesIsNone) {
  PackedSet set;
  FakeWarnings warnings;
  auto store = set.stores.store({.warn = warnings.function()});
  const auto hollow = answering([](FakeRows& rows) { rows.rows.at(0).at(1) = std::nullopt; });
  set.cluster().set_script([&](const FakeOperation& operation) {
    return is_chunk_read(operation) && operation.node == 0 ? hollow : FakeAction{};
  });
  set.expect_right(read_all_blocks(store, set.manifest, "train"));
  EXPECT_TRUE(warnings.lines().empty()) << "as one that is not there";
}

TEST_F(ChunkReaderTest, WhatNoReplicaHasIsAskedOfAQuorumOnce) {
  PackedSet set;
  auto store = set.stores.store();
  std::atomic<int> at_quorum = 0;
  std::atomic<bool> repaired = true;
  set.cluster().set_script([&](const FakeOperation& operation) {
    if (!is_chunk_read(operation)) return FakeAction{};
    if (operation.consistency == kLocalQuorum) {
      ++at_quorum;
      if (repaired) return FakeAction{};
    }
    return answering(leave_out);
  });
  set.expect_right(read_all_blocks(store, set.manifest, "train"));
  EXPECT_EQ(at_quorum, static_cast<int>(set.blocks.size()));

  at_quorum = 0;
  repaired = false;
  for (const auto& result : read_all_blocks(store, set.manifest, "train")) {
    expect_error(ErrorCode::kBadData, {"no replica has it"},
                 [&] { std::rethrow_exception(result.failure); });
  }
  EXPECT_EQ(at_quorum, static_cast<int>(set.blocks.size()));
}

TEST_F(ChunkReaderTest, ACopyThatOneNodeLacksIsReadFromTheOther) {
  PackedSet set;
  auto store = set.stores.store();
  std::atomic<int> at_quorum = 0;
  set.cluster().set_script([&](const FakeOperation& operation) {
    if (!is_chunk_read(operation)) return FakeAction{};
    if (operation.consistency == kLocalQuorum) ++at_quorum;
    return operation.node == 2 ? answering(leave_out) : FakeAction{};
  });
  set.expect_right(read_all_blocks(store, set.manifest, "train"));
  EXPECT_EQ(at_quorum, 0);
}

TEST_F(ChunkReaderTest, NoMoreThanTheBoundIsUnderWay) {
  PackedSet set(3000);
  constexpr std::uint64_t kBound = 20'000;
  auto store = set.stores.store({.read_bytes_under_way = kBound});
  const auto reader = store.reader(set.manifest, "train", {}, 2);
  FakeAction hold;
  hold.held = true;
  set.cluster().set_script(at_every_read(hold));
  const std::size_t count = reader->blocks().size();
  std::vector<ReadResult> results(count);
  std::latch left(static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    reader->read(i, [&, i](const Chunk& chunk, const std::exception_ptr& failure) {
      results[i] = {chunk, failure};
      left.count_down();
    });
  }
  const std::uint64_t asked = set.cluster().operations();
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < asked; ++i) bytes += reader->blocks()[i].bytes;
  EXPECT_GT(asked, 1u);
  EXPECT_LT(asked, count);
  EXPECT_LE(bytes, kBound);
  EXPECT_GT(bytes + reader->blocks()[asked].bytes, kBound);
  ASSERT_TRUE(set.cluster().wait_for_held(asked));
  set.cluster().set_script(nullptr);
  set.cluster().release();
  left.wait();
  set.expect_right(results);
}

/// What happens to each Done of a reader that is destroyed.
struct DoneCounts {
  explicit DoneCounts(std::size_t count) : calls(count) {}
  BlockReader::Done done(std::size_t i) {
    return [this, i](const Chunk& chunk, const std::exception_ptr& failure) {
      ++calls[i];
      EXPECT_NE(chunk == nullptr, failure == nullptr);
      if (!failure) return;
      const auto code = error_of([&] { std::rethrow_exception(failure); }).code();
      EXPECT_EQ(code, ErrorCode::kCancelled);
      ++cancelled;
    };
  }
  void expect_one_each() const {
    for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(calls[i], 1) << i;
  }
  std::vector<std::atomic<int>> calls;
  std::atomic<int> cancelled = 0;
};

TEST_F(ChunkReaderTest, DestroyedWithEveryAnswerOutEachReadEndsOnce) {
  PackedSet set;
  auto store = set.stores.store();
  auto reader = store.reader(set.manifest, "train", {}, 3);
  FakeAction hold;
  hold.held = true;
  set.cluster().set_script(at_every_read(hold));
  DoneCounts counts(reader->blocks().size());
  for (std::size_t i = 0; i < counts.calls.size(); ++i) reader->read(i, counts.done(i));
  ASSERT_TRUE(set.cluster().wait_for_held(counts.calls.size()));
  reader.reset();
  counts.expect_one_each();
  EXPECT_EQ(counts.cancelled, static_cast<int>(counts.calls.size()));
  set.cluster().release();  // the answers find no queue
}

TEST_F(ChunkReaderTest, DestroyedAtAnyMomentEachReadEndsOnce) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  PackedSet set;
  int cancelled = 0;
  int whole = 0;
  for (int turn = 0; turn < 60; ++turn) {
    auto store = set.stores.store();
    auto reader = store.reader(set.manifest, "train", {}, 1 + turn % 4);
    Random of_turn(seed + static_cast<std::uint64_t>(turn));
    std::atomic<std::uint64_t> answered = 0;
    set.cluster().set_script([&of_turn, turn](const FakeOperation& operation) {
      FakeAction action;
      if (!is_chunk_read(operation)) return action;
      action.delay = std::chrono::milliseconds(of_turn.below(4));
      if (turn % 3 == 0 && operation.node == 0) action = answering(flip_a_bit);
      if (turn % 3 == 1 && of_turn.below(4) == 0) action = fake_failure(RF_OVERLOADED);
      return action;
    });
    DoneCounts counts(reader->blocks().size());
    const std::uint64_t until = random.below(2 * counts.calls.size());
    std::mutex mutex;
    std::condition_variable some;
    for (std::size_t i = 0; i < counts.calls.size(); ++i) {
      reader->read(i, [&, done = counts.done(i)](const Chunk& chunk, const std::exception_ptr& e) {
        done(chunk, e);
        const std::lock_guard lock(mutex);
        ++answered;
        some.notify_all();
      });
    }
    {
      std::unique_lock lock(mutex);
      const auto most = std::min<std::uint64_t>(until, counts.calls.size());
      ASSERT_TRUE(some.wait_for(lock, 30s, [&] { return answered >= most; }));
    }
    reader.reset();
    counts.expect_one_each();
    cancelled += counts.cancelled;
    whole += counts.cancelled == 0 ? 1 : 0;
    set.cluster().set_script(nullptr);
  }
  EXPECT_GT(cancelled, 0);
  EXPECT_GT(whole, 0);
}

TEST_F(ChunkReaderTest, ASessionThatEndsUnderItsReaderIsNotReached) {
  // The store shares the session: whoever is last ends it, here the reader.
  PackedSet set;
  std::unique_ptr<BlockReader> reader;
  {
    auto store = set.stores.store();
    reader = store.reader(set.manifest, "train", {}, 2);
  }
  set.expect_right(read_all_blocks(*reader));
}

/// The error names the replication, which is asked of nodes that do not answer that either.
TEST_F(ChunkReaderTest, AReadEndsWhenTheReplicationCannotBeAskedFor) {
  PackedSet set(600, 50);
  auto store = set.stores.store();
  const auto reader = store.reader(set.manifest, "train", {}, 2);
  FakeAction unavailable = fake_failure(RF_UNAVAILABLE);
  unavailable.required = 2;
  unavailable.alive = 1;
  set.cluster().set_script([&](const FakeOperation& operation) {
    return is_chunk_read(operation) ? unavailable : fake_failure(RF_UNAVAILABLE);
  });
  for (const auto& result : read_all_blocks(*reader)) {
    expect_error(ErrorCode::kUnavailable, {"2 replicas must answer and 1 live"},
                 [&] { std::rethrow_exception(result.failure); });
  }
}

/// Threads of a trainer that read through one reader while nodes fail in every way.
TEST_F(ChunkReaderTest, ManyThreadsAndFaultsOfEveryKind) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  PackedSet set(1500, 300);
  auto store = set.stores.store();
  const auto reader = store.reader(set.manifest, "train", {}, 3);
  Random random(seed);  // the script has the cluster's lock
  std::atomic<int> faults = 0;
  set.cluster().set_script([&](const FakeOperation& operation) {
    FakeAction action;
    // One node is always sound, and each block has two.
    if (!is_chunk_read(operation) || operation.node == 0) return action;
    const auto drawn = random.below(16);
    if (drawn < 9) ++faults;
    if (drawn == 0) return fake_failure(RF_OVERLOADED);
    if (drawn == 1) return fake_failure(RF_TIMEOUT);
    if (drawn == 2) return fake_failure(RF_NO_CONNECTION);
    if (drawn == 3) return fake_lost(false);
    if (drawn < 6) return answering(flip_a_bit);
    if (drawn < 7) return answering(leave_out);
    action.delay = std::chrono::milliseconds(drawn < 9 ? 30 : random.below(3));
    return action;
  });
  std::vector<std::jthread> threads;
  std::atomic<std::size_t> right = 0;
  std::atomic<std::size_t> failed = 0;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto results = read_all_blocks(*reader);
      for (std::size_t k = 0; k < results.size(); ++k) {
        if (results[k].failure) {
          ++failed;  // both of its nodes had a wrong copy, or none answered in time
        } else if (set.is_right(k, results[k].chunk)) {
          ++right;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right + failed, 3 * set.blocks.size());
  EXPECT_GT(right, 2 * set.blocks.size());
  EXPECT_GT(faults, 0);  // ten and more but for rare seeds
}

}  // namespace
}  // namespace ringfeed::testing
