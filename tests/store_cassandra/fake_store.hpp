// Stores on a FakeCluster of a test's own. At its end nothing of the driver is left.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <ringfeed/url.hpp>
#include <string>
#include <vector>

#include "cql/session.hpp"
#include "store/cassandra/store.hpp"
#include "store_cassandra/fake_driver.hpp"

namespace ringfeed::testing {

/// Arrow takes its memory from malloc, which sanitizers see, and not from an allocator of its own,
/// whose hand-overs between threads ThreadSanitizer would take for races.
inline const bool kArrowUsesMalloc = ::setenv("ARROW_DEFAULT_MEMORY_POOL", "system", 1) == 0;

/// A cluster with the keyspace `k` of two copies.
class FakeStores {
 public:
  explicit FakeStores(std::uint32_t request_timeout_ms = 20'000, int nodes = 3, int copies = 2)
      : cluster_(nodes), timeout_ms_(request_timeout_ms) {
    cluster_.cql(
        "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', "
        "'replication_factor': " +
        std::to_string(copies) + "}");
  }

  FakeCluster& cluster() { return cluster_; }

  Url url(const std::string& name = "set") const {
    return Url::parse("cassandra://" + cluster_.addresses() + "/k/" + name);
  }

  /// Without the files and variables of the user who runs the test.
  Connection connection() const {
    Connection connection;
    std::string rest = cluster_.addresses() + ",";
    for (std::size_t comma = 0; (comma = rest.find(',')) != std::string::npos;) {
      connection.contact_points.push_back({rest.substr(0, rest.find(':')), 9042});
      rest.erase(0, comma + 1);
    }
    connection.request_timeout_ms = timeout_ms_;
    return connection;
  }

  std::shared_ptr<cql::Session> session() const { return cql::Session::open(connection(), "k"); }

  cassandra::CassandraStore store(cassandra::CassandraStoreOptions options = {},
                                  const std::string& name = "set") const {
    return {session(), url(name), std::move(options)};
  }

 private:
  FakeCluster cluster_;
  const std::uint32_t timeout_ms_;
};

/// Of the packed data set `set`.
inline bool is_chunk_read(const FakeOperation& operation) {
  return operation.is_read() && operation.says("set_chunks");
}

/// The lines that a store warned with. Thread-safe.
class FakeWarnings {
 public:
  std::function<void(const std::string&)> function() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class FakeStoreTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(fake_handles(), FakeHandles()) << "something is left"; }
};

}  // namespace ringfeed::testing
