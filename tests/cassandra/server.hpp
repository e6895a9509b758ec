// The servers that the tests of this folder talk to: RINGFEED_TEST_CASSANDRA has their addresses,
// comma-separated (tests/cassandra/test_cpp.py, or tools/cassandra/cluster.py run).
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <string>

#include "cql/session.hpp"
#include "store/cassandra/store.hpp"

namespace ringfeed::testing {

inline std::string addresses() {
  const char* const text = std::getenv("RINGFEED_TEST_CASSANDRA");
  if (text == nullptr || *text == '\0') {
    throw std::runtime_error(
        "RINGFEED_TEST_CASSANDRA is not set; run this by 'tools/cassandra/cluster.py run -- ...'");
  }
  return text;
}

inline ConnectionOptions login() {
  ConnectionOptions options;
  options.user = "cassandra";
  options.password = Secret("cassandra");
  return options;
}

inline Url url_of(const std::string& name, const std::string& keyspace = "ringfeed_test") {
  return Url::parse(fmt::format("cassandra://{}/{}/{}", addresses(), keyspace, name));
}

inline std::shared_ptr<cql::Session> open_session() {
  const Url url = url_of("x");
  return cql::Session::open(resolve_connection(url, login()), url.keyspace);
}

/// One session for all tests of the program, and the keyspace they use.
inline std::shared_ptr<cql::Session> shared_session() {
  static const std::shared_ptr<cql::Session> session = [] {
    auto opened = open_session();
    const auto nodes = std::min<std::size_t>(3, opened->hosts().size());
    opened->execute(fmt::format("CREATE KEYSPACE IF NOT EXISTS ringfeed_test WITH replication = "
                                "{{'class': 'SimpleStrategy', 'replication_factor': {}}}",
                                nodes),
                    {}, {}, "test");
    opened.reset();
    return open_session();  // one that knows the replication
  }();
  return session;
}

/// A name that no other test, or earlier run, has used.
inline std::string fresh_name(const std::string& stem) {
  static int count = 0;
  return fmt::format("{}_{}_{}", stem, ::getpid(), count++);
}

inline cassandra::CassandraStore store_of(const std::string& name,
                                          cassandra::CassandraStoreOptions options = {}) {
  return {shared_session(), url_of(name), std::move(options)};
}

}  // namespace ringfeed::testing
