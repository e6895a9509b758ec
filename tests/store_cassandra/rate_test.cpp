// How fast a feed over Cassandra is while a node is lost, slow or overloaded: each answer takes
// some milliseconds and few are under way, so that the nodes are the limit and not the processor.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <numeric>
#include <random>
#include <ringfeed/feed.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "store_cassandra/blocks.hpp"
#include "store_cassandra/fake_store.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kAnswer = 10ms;  ///< what a healthy node takes
constexpr auto kStep = 10ms;    ///< what the trainer takes
constexpr int kSteps = 300;

/// What becomes of the reads of chunks; all take kAnswer.
FakeCluster::Script at_reads(std::function<void(const FakeOperation&, FakeAction&)> change) {
  return [change = std::move(change)](const FakeOperation& operation) {
    FakeAction action;
    if (!is_chunk_read(operation)) return action;
    action.delay = kAnswer;
    change(operation, action);
    return action;
  };
}

class CassandraRateTest : public FakeStoreTest {
 protected:
  void SetUp() override {
    auto store = stores_.store();
    ingest_into(store, 6000);
  }

  /// Without an end. Some six blocks are under way at most.
  Feed feed() {
    Connection connection = stores_.connection();
    connection.in_flight_bytes_per_node = 10'000;
    const auto store = std::make_shared<cassandra::CassandraStore>(
        cql::Session::open(connection, "k"), stores_.url());
    FeedOptions fed;
    fed.epochs = 0;
    fed.order.seed = 7;
    fed.order.global_batch = 32;
    return {Dataset::open(store, "fake", std::nullopt, "train"), fed};
  }

  /// Batches a second, over so long. The first sample of each is added to `seen`.
  double rate(Feed& feed, Clock::duration time = 500ms) {
    const auto begin = Clock::now();
    int batches = 0;
    while (Clock::now() - begin < time) batches += take(feed) ? 1 : 0;
    return batches / std::chrono::duration<double>(Clock::now() - begin).count();
  }

  bool take(Feed& feed) {
    const auto batch = feed.next();
    if (batch) seen_.push_back(batch->column("image").as<float>()[0]);
    return batch.has_value();
  }

  /// The rate is so high again before the time is over.
  void expect_rate(Feed& feed, double least, Clock::duration most) {
    const auto end = Clock::now() + most;
    double reached = 0;
    while (reached < least && Clock::now() < end) reached = rate(feed);
    EXPECT_GE(reached, least);
  }

  /// The batches so far are those of a calm feed.
  void expect_exact() {
    const auto seen = std::exchange(seen_, {});
    stores_.cluster().set_script(nullptr);
    Feed calm = feed();
    while (seen_.size() < seen.size()) take(calm);
    EXPECT_EQ(seen_, seen);
    seen_.clear();
  }

  /// Seconds of each step of a trainer, waiting included; the shortest first.
  std::vector<double> steps(Feed& feed) {
    std::vector<double> seconds;
    while (seconds.size() < kSteps) {
      const auto begin = Clock::now();
      while (!take(feed)) {
      }
      std::this_thread::sleep_for(kStep);
      seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    }
    std::ranges::sort(seconds);
    return seconds;
  }

  FakeStores stores_;
  std::vector<float> seen_;
};

TEST_F(CassandraRateTest, HalfOfItIsBackWithin30SecondsOfALostNode) {
  for (const bool killed : {true, false}) {  // or cut off: nothing more is heard of it
    std::atomic<bool> lost = false;
    stores_.cluster().set_script(at_reads([&](const FakeOperation& operation, FakeAction& action) {
      if (lost && operation.node == 1) action.lost = true;
    }));
    Feed feed = this->feed();
    rate(feed);
    const double before = rate(feed);
    lost = true;
    if (killed) stores_.cluster().set_connected(1, false);
    expect_rate(feed, before / 2, 30s);
    stores_.cluster().set_connected(1, true);
    expect_exact();
  }
}

TEST_F(CassandraRateTest, OneSlowNodeDoesNotDoubleTheTimeOfAStep) {
  for (const bool silent : {false, true}) {  // node 1 takes 200 ms more, or answers nothing
    // A busy machine makes steps late, too: once of three times is enough.
    bool held = false;
    std::string figures;
    for (int attempt = 0; attempt < 3 && !held; ++attempt) {
      std::atomic<std::uint64_t> requests = 0;
      std::atomic<bool> trouble = false;
      stores_.cluster().set_script(
          at_reads([&](const FakeOperation& operation, FakeAction& action) {
            ++requests;
            if (!trouble || operation.node != 1) return;
            action.lost = silent;
            action.delay += 200ms;
          }));
      Feed feed = this->feed();
      const auto healthy = steps(feed);
      EXPECT_LE(requests.load(), feed.stats().blocks_read * 11 / 10 + 8) << "second ones are few";
      trouble = true;
      const auto troubled = steps(feed);
      const std::size_t p99 = kSteps * 99 / 100;
      const auto sum = [](const auto& all) { return std::accumulate(all.begin(), all.end(), 0.0); };
      held = troubled[p99] <= 2 * healthy[p99] && sum(troubled) <= 1.5 * sum(healthy);
      figures += fmt::format("p99 {} s, healthy {} s; all {} s, healthy {} s\n", troubled[p99],
                             healthy[p99], sum(troubled), sum(healthy));
      expect_exact();
    }
    EXPECT_TRUE(held) << figures;
  }
}

TEST_F(CassandraRateTest, OverloadIsGotOverWithFewRequestsAndAllOfItIsBackWithin10Seconds) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<bool> overloaded = false;
  stores_.cluster().set_script(at_reads([&](const FakeOperation&, FakeAction& action) {
    ++requests;
    if (overloaded && random.below(10) < 3) action = fake_failure(RF_OVERLOADED);
  }));
  Feed feed = this->feed();
  rate(feed);
  const double before = rate(feed);
  requests = 0;
  const std::uint64_t read = feed.stats().blocks_read;
  overloaded = true;
  EXPECT_GT(rate(feed, 5s), 0);
  EXPECT_LE(requests.load(), 2 * (feed.stats().blocks_read - read) + 8);
  overloaded = false;
  expect_rate(feed, 0.8 * before, 10s);
  expect_exact();
}

}  // namespace
}  // namespace ringfeed::testing
