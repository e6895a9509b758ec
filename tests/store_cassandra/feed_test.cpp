// A feed over a packed data set in Cassandra: the same batches as from a local folder, whatever the
// nodes do, and an end at any moment.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <ringfeed/feed.hpp>

#include "base/random.hpp"
#include "errors.hpp"
#include "store/local_store.hpp"
#include "store_cassandra/blocks.hpp"
#include "store_cassandra/fake_store.hpp"
#include "store_cassandra/trials.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSamplesFed = 600;

FeedOptions feed_options(int read_threads = 2) {
  FeedOptions options;
  options.epochs = 2;
  options.order.seed = 7;
  options.order.global_batch = 32;
  options.read_threads = read_threads;
  return options;
}

/// The i of every sample of a batch; every pixel must be right.
void append_numbers(const Batch& batch, std::vector<std::int64_t>& numbers) {
  const auto* const pixels = batch.column("image").as<float>();
  for (std::int64_t i = 0; i < batch.size; ++i) {
    const auto number = static_cast<std::int64_t>(pixels[6 * i]) / 6;
    for (int k = 0; k < 6; ++k) ASSERT_EQ(pixels[6 * i + k], static_cast<float>(6 * number + k));
    ASSERT_EQ(batch.column("label").as<std::int64_t>()[i], number % 7);
    numbers.push_back(number);
  }
}

std::vector<std::int64_t> numbers_of_feed(Feed& feed) {
  std::vector<std::int64_t> numbers;
  for (int epoch = 0; epoch < 2; ++epoch) {
    while (const auto batch = feed.next()) append_numbers(*batch, numbers);
  }
  return numbers;
}

const std::vector<std::int64_t>& expected_numbers() {
  static const std::vector<std::int64_t> numbers = [] {
    TempFolder temp;
    const auto local = std::make_shared<LocalStore>(temp / "set");
    ingest_into(*local, kSamplesFed);
    Feed feed(Dataset::open(local, "local", std::nullopt, "train"), feed_options());
    return numbers_of_feed(feed);
  }();
  return numbers;
}

class CassandraFeedTest : public FakeStoreTest {
 protected:
  std::shared_ptr<const Dataset> dataset() {
    return Dataset::open(std::make_shared<cassandra::CassandraStore>(stores_.store()), "fake",
                         std::nullopt, "train");
  }

  FakeStores stores_{200};
};

TEST_F(CassandraFeedTest, HasTheBatchesOfTheLocalFolderWhateverHappens) {
  auto store = stores_.store();
  ingest_into(store, kSamplesFed);
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  const auto dataset_of = dataset();
  for (int turn = 0; turn < 4; ++turn) {
    stores_.cluster().set_script([&random, turn](const FakeOperation& operation) {
      FakeAction action;
      // One node is always sound, and each block has a copy at another one.
      if (!operation.is_read() || !operation.says("set_chunks") || turn == 0) return action;
      action.delay = std::chrono::milliseconds(random.below(3));
      if (operation.node == turn % 3) return action;
      if (turn == 1 && random.below(3) == 0) return fake_failure(RF_OVERLOADED);
      if (turn == 2 && random.below(8) == 0) return fake_lost(false);
      return action;
    });
    Feed feed(dataset_of, feed_options(1 + turn));
    EXPECT_EQ(numbers_of_feed(feed), expected_numbers());
  }
}

TEST_F(CassandraFeedTest, AWrongBlockEndsItAndIsNotHandedOut) {
  auto store = stores_.store();
  ingest_into(store, kSamplesFed);
  stores_.cluster().cql(
      "UPDATE k.set_chunks SET hash = 1, data = 'x' WHERE claim = 1 AND number = 2");
  Feed feed(dataset(), feed_options());
  std::vector<std::int64_t> numbers;
  expect_error(ErrorCode::kBadData, {"no replica has a sound copy"}, [&] {
    while (const auto batch = feed.next()) append_numbers(*batch, numbers);
  });
  EXPECT_TRUE(std::equal(numbers.begin(), numbers.end(), expected_numbers().begin()));
}

TEST_F(CassandraFeedTest, EndsAtAnyMoment) {
  auto store = stores_.store();
  ingest_into(store, kSamplesFed);
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random(seed);
  stores_.cluster().set_script([&random](const FakeOperation& operation) {
    FakeAction action;
    if (!operation.is_read() || !operation.says("set_chunks")) return action;
    // The other copy is at a sound node.
    if (operation.node == 1 && random.below(4) == 0) return fake_lost(false);
    action.delay = std::chrono::milliseconds(random.below(4));
    return action;
  });
  for (std::size_t batches = 0; batches < 14; ++batches) {
    Feed feed(dataset(), feed_options(1 + static_cast<int>(batches % 3)));
    std::vector<std::int64_t> numbers;
    for (std::size_t i = 0; i < batches; ++i) {
      const auto batch = feed.next();
      ASSERT_TRUE(batch);
      append_numbers(*batch, numbers);
    }
    EXPECT_TRUE(std::equal(numbers.begin(), numbers.end(), expected_numbers().begin()));
  }
}

TEST_F(CassandraFeedTest, IsOpenedByItsUrl) {
  ::setenv("HOME", "/nonexistent", 1);
  auto store = stores_.store();
  ingest_into(store, kSamplesFed);
  TempFolder index;
  ConnectionOptions options;
  options.index_dir = index.path();
  const std::string url = stores_.url().text();
  {
    Feed feed(Dataset::open(url, options), feed_options());
    EXPECT_EQ(numbers_of_feed(feed), expected_numbers());
  }
  EXPECT_EQ(cassandra::list_cassandra_datasets(stores_.url(), options),
            std::vector<std::string>{url});
  cassandra::create_keyspace(Url::parse("cassandra://" + stores_.cluster().addresses() + "/k2/x"),
                             options, "simple:2");
  EXPECT_EQ(stores_.cluster()
                .cql("SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = 'k2'")
                .rows.size(),
            1u);
}

TEST_F(CassandraFeedTest, TheReplicationOfAKeyspaceThatIsThereStaysAndIsTold) {
  FakeWarnings warnings;
  ConnectionOptions options;
  options.warn = warnings.function();
  cassandra::create_keyspace(stores_.url(), options, "simple:2");
  EXPECT_TRUE(warnings.lines().empty());
  for (const std::string asked : {"simple:3", "2", "dc1:2"}) {
    cassandra::create_keyspace(stores_.url(), options, asked);
    const std::string told = warnings.lines().back();
    EXPECT_NE(told.find("keyspace \"k\" was there with replication {'class': 'SimpleStrategy', "
                        "'replication_factor': '2'}, and keeps it"),
              std::string::npos)
        << told;
    EXPECT_NE(
        told.find("ALTER KEYSPACE \"k\" WITH replication = " + cassandra::replication_map(asked)),
        std::string::npos)
        << told;
  }
  EXPECT_EQ(warnings.lines().size(), 3u);
  // The server writes a number for each data centre.
  stores_.cluster().cql(
      "CREATE KEYSPACE k3 WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc2': "
      "3}");
  const auto k3 = Url::parse("cassandra://" + stores_.cluster().addresses() + "/k3/x");
  for (const std::string asked : {"3", "dc2:3,dc1:3"})
    cassandra::create_keyspace(k3, options, asked);
  EXPECT_EQ(warnings.lines().size(), 3u);
}

}  // namespace
}  // namespace ringfeed::testing
