// The bridge to the driver without a server: what answers carry, what is tried again, who frees
// what.
#include "cql/session.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <atomic>
#include <chrono>
#include <map>
#include <stop_token>
#include <thread>

#include "errors.hpp"
#include "store_cassandra/fake_store.hpp"
#include "store_cassandra/trials.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

class FakeSessionTest : public FakeStoreTest {
 protected:
  FakeSessionTest() {
    stores_.cluster().cql("CREATE TABLE k.t (id bigint PRIMARY KEY, number int, data blob)");
  }

  void fill(int rows) {
    const auto session = stores_.session();
    const auto insert = session->prepare("INSERT INTO k.t (id, number) VALUES (?, ?)", "test");
    for (int i = 0; i < rows; ++i)
      session->execute(insert, cql::Values().bigint(i).integer(2 * i), {}, "test");
  }

  FakeStores stores_{100};
};

TEST_F(FakeSessionTest, CellsAreTheBytesOfTheValues) {
  const auto session = stores_.session();
  session->execute("INSERT INTO k.t (id, number, data) VALUES (?, ?, ?)",
                   cql::Values().bigint(-5).null().view(""), {}, "test");
  const auto rows = session->execute("SELECT id, number, data FROM k.t WHERE id = ?",
                                     cql::Values().bigint(-5), {}, "test");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows.bigint(0, 0), -5);
  EXPECT_FALSE(rows.cell(0, 1).has_value());
  EXPECT_EQ(rows.cell(0, 2), "");
  EXPECT_EQ(rows.column_name(2), "data");
  expect_error(ErrorCode::kInternal, {"number"}, [&] { rows.integer(0, 1); });
  expect_error(ErrorCode::kInternal, {"id"}, [&] { rows.integer(0, 0); });
  expect_error(ErrorCode::kInternal, {"outside"}, [&] { rows.cell(1, 0); });
}

TEST_F(FakeSessionTest, PagesCoverAllRowsOnce) {
  fill(50);
  const auto session = stores_.session();
  const auto select = session->prepare("SELECT id FROM k.t", "test");
  for (const int page_rows : {1, 7, 10, 50, 51}) {
    std::map<std::int64_t, int> seen;
    std::string state;
    do {
      cql::Request request = {.page_rows = page_rows};
      if (!state.empty()) request.paging_state = state;
      const auto rows = session->execute(select, {}, request, "test");
      EXPECT_LE(rows.size(), static_cast<std::size_t>(page_rows));
      for (std::size_t i = 0; i < rows.size(); ++i) ++seen[rows.bigint(i, 0)];
      state = rows.paging_state().value_or("");
    } while (!state.empty());
    EXPECT_EQ(seen.size(), 50u);
    for (const auto& [id, count] : seen) EXPECT_EQ(count, 1) << id;
  }
}

TEST_F(FakeSessionTest, FailuresHaveTheirCode) {
  const auto session = stores_.session();
  const auto run = [&](const char* cql) {
    return error_of([&] { session->execute(cql, {}, {}, "here"); });
  };
  EXPECT_EQ(run("SELECT id FROM k.no_such_table").code(), ErrorCode::kNotFound);
  EXPECT_EQ(run("SELECT id FROM no_such_keyspace.t").code(), ErrorCode::kNotFound);
  EXPECT_EQ(run("SELECT no_such_column FROM k.t").code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(run("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', "
                "'replication_factor': 1}")
                .code(),
            ErrorCode::kConflict);
  const auto unknown = run("TRUNCATE k.t");
  EXPECT_EQ(unknown.code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(std::string(unknown.what()).starts_with("here: ")) << unknown.what();
  EXPECT_NE(std::string(unknown.what()).find("TRUNCATE k.t"), std::string::npos) << unknown.what();
}

TEST_F(FakeSessionTest, WhatPassesIsTriedAgainAndWhatDoesNotIsNot) {
  fill(1);
  for (const auto& [status, again] :
       {std::pair(RF_OVERLOADED, true), std::pair(RF_TIMEOUT, true),
        std::pair(RF_NO_CONNECTION, true), std::pair(RF_FAILED, true),
        std::pair(RF_UNAVAILABLE, false), std::pair(RF_UNKNOWN_TABLE, false),
        std::pair(RF_INVALID, false), std::pair(RF_UNAUTHORIZED, false),
        std::pair(RF_INTERNAL, false)}) {
    const auto session = stores_.session();
    for (std::uint64_t n = 0; n < 2; ++n) {  // the statement is prepared, then executed
      SCOPED_TRACE(fmt::format("status {} at operation {}", int{status}, n));
      stores_.cluster().set_script(at_operation(n, fake_failure(status)));
      const auto error = caught([&] { session->execute("SELECT id FROM k.t", {}, {}, "test"); });
      EXPECT_EQ(error.has_value(), !again);
      EXPECT_EQ(stores_.cluster().operations(), again ? 3u : n + 1);
    }
  }
  // Not for ever: twice the time of a request.
  const auto session = stores_.session();
  stores_.cluster().set_script([](const FakeOperation&) { return fake_failure(RF_FAILED); });
  expect_error(ErrorCode::kUnavailable, {"test: "},
               [&] { session->prepare("SELECT id FROM k.t", "test"); });
  EXPECT_LE(stores_.cluster().operations(), 3u);
}

TEST_F(FakeSessionTest, ALostAnswerIsATimeoutAndItsOutcomeIsNotKnown) {
  const auto session = stores_.session();
  const auto insert = session->prepare("INSERT INTO k.t (id) VALUES (?)", "test");
  for (const bool applied : {false, true}) {
    stores_.cluster().set_script(at_operation(0, fake_lost(applied)));
    const auto answer = session->ask(insert, cql::Values().bigint(applied ? 1 : 2), {});
    ASSERT_TRUE(answer.failure);
    EXPECT_EQ(answer.failure->status, cql::Status::kTimeout);
    EXPECT_FALSE(answer.failure->outcome_known);
  }
  EXPECT_EQ(stores_.cluster().cql("SELECT id FROM k.t").rows.size(), 1u);
}

TEST_F(FakeSessionTest, ConnectingIsTriedAgainWhereANodeMayRecover) {
  for (const int status : {RF_TIMEOUT, RF_OVERLOADED}) {
    stores_.cluster().set_script(at_operation(0, fake_failure(status)));
    stores_.session();
    EXPECT_EQ(stores_.cluster().operations(), 2u);
  }
  stores_.cluster().set_script(at_operation(0, fake_failure(RF_LOGIN)));
  expect_error(ErrorCode::kPermission, {"check user and password", "127.7."},
               [&] { stores_.session(); });
  for (int node = 0; node < 3; ++node) stores_.cluster().set_connected(node, false);
  expect_error(ErrorCode::kUnavailable, {"127.7."}, [&] { stores_.session(); });
  auto nowhere = stores_.connection();
  nowhere.contact_points = {{"127.8.0.1", 9042}};
  expect_error(ErrorCode::kUnavailable, {"127.8.0.1:9042"},
               [&] { cql::Session::open(nowhere, "k"); });
}

TEST_F(FakeSessionTest, ConnectingEndsWhenItIsStopped) {
  for (const bool before : {true, false}) {
    std::stop_source stop;
    auto connection = stores_.connection();
    connection.stop = stop.get_token();
    stores_.cluster().set_script([](const FakeOperation&) { return fake_lost(false); });
    if (before) stop.request_stop();
    std::jthread other([&] {
      EXPECT_TRUE(stores_.cluster().wait_for_operations(1));
      stop.request_stop();
    });
    expect_error(ErrorCode::kCancelled, {"127.7.", "stopped while connecting"},
                 [&] { cql::Session::open(connection, "k"); });
    other.join();
    stores_.cluster().set_script(nullptr);
  }
}

/// What rustls says of a server that has TLS 1.1 alone, and that one of a client without it.
TEST_F(FakeSessionTest, AServerWithOldTlsAloneIsNamedWithARemedy) {
  auto connection = stores_.connection();
  connection.tls = true;
  for (const char* const words : {"received fatal alert: ProtocolVersion",
                                  "peer is incompatible: ServerDoesNotSupportTls12Or13"}) {
    auto refused = fake_failure(RF_TLS);
    refused.message = words;
    stores_.cluster().set_script(at_operation(0, refused));
    expect_error(ErrorCode::kPermission,
                 {"127.7.", "neither TLS 1.2 nor 1.3", "accepted_protocols"},
                 [&] { cql::Session::open(connection, "k"); });
  }
}

TEST_F(FakeSessionTest, AServerOfAnotherProtocolIsNotTakenForOneWithTls) {
  FakeStores stores;
  FakeAction refused = fake_failure(RF_NO_CONNECTION);
  refused.message = "Connection broken, reason: Received a frame from version 5, but only 4 is";
  stores.cluster().set_script([&](const FakeOperation&) { return refused; });
  const Error error = error_of([&] { stores.session(); });
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  const std::string words = error.what();
  EXPECT_NE(words.find("native_transport_allow_older_protocols"), std::string::npos) << words;
  EXPECT_EQ(words.find("tls"), std::string::npos) << words;
}

/// The same limit is met as one or as the other, by what the server had read before.
TEST_F(FakeSessionTest, OfAConnectionThatTheServerEndsTheLimitIsNamed) {
  auto connection = stores_.connection();
  auto refused = fake_failure(RF_NO_CONNECTION);
  for (const char* const words :
       {"Connection broken, reason: early eof", "Connection reset by peer (os error 104)",
        "Broken pipe (os error 32)"}) {
    refused.message = words;
    stores_.cluster().set_script(at_operation(0, refused));
    connection.tls = false;
    expect_error(ErrorCode::kUnavailable,
                 {"127.7.", words, "if the server speaks TLS", "connections_per_host"},
                 [&] { cql::Session::open(connection, "k"); });
  }
  refused.message = "Connection reset by peer (os error 104)";
  stores_.cluster().set_script(at_operation(0, refused));
  connection.tls = true;
  const Error error = error_of([&] { cql::Session::open(connection, "k"); });
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  const std::string words = error.what();
  EXPECT_NE(words.find("connections_per_host"), std::string::npos) << words;
  EXPECT_EQ(words.find("if the server speaks TLS"), std::string::npos) << words;
}

TEST_F(FakeSessionTest, ClosedWithRequestsUnderWayEachHasItsAnswer) {
  fill(10);
  auto session = stores_.session();
  const auto select = session->prepare("SELECT id FROM k.t", "test");
  for (const bool hold : {true, false}) {
    stores_.cluster().set_script([hold](const FakeOperation&) {
      FakeAction action;
      action.held = hold;
      return action;
    });
    cql::Queue queue;
    for (std::uint64_t tag = 0; tag < 100; ++tag)
      session->start(select, {}, {.timeout = 20s}, queue, tag);
    if (hold) {
      ASSERT_TRUE(stores_.cluster().wait_for_held(100));
    }
    session.reset();
    std::vector<int> answers(100);
    while (const auto answer = queue.next(0ms)) {
      ++answers[answer->tag];
      if (hold) {
        ASSERT_TRUE(answer->failure);
      }
      if (answer->failure) {
        EXPECT_EQ(answer->failure->status, cql::Status::kClosed);
      } else {
        EXPECT_EQ(answer->rows.size(), 10u);
      }
    }
    for (const int count : answers) EXPECT_EQ(count, 1);
    stores_.cluster().set_script(nullptr);
    session = stores_.session();
  }
}

TEST_F(FakeSessionTest, AQueueMayEndBeforeItsAnswers) {
  fill(10);
  const auto session = stores_.session();
  const auto select = session->prepare("SELECT id FROM k.t", "test");
  stores_.cluster().set_script([](const FakeOperation&) {
    FakeAction action;
    action.held = true;
    return action;
  });
  for (int turn = 0; turn < 20; ++turn) {
    cql::Queue queue;
    for (std::uint64_t tag = 0; tag < 10; ++tag)
      session->start(select, {}, {.timeout = 20s}, queue, tag);
    if (turn % 2 == 0) {
      ASSERT_TRUE(stores_.cluster().wait_for_held(10));
      stores_.cluster().release();  // they arrive while the queue ends
    }
  }
  stores_.cluster().release();
}

TEST_F(FakeSessionTest, RowsOutliveQueueStatementAndSession) {
  fill(3);
  cql::Rows kept;
  {
    const auto session = stores_.session();
    kept = session->execute("SELECT id, number FROM k.t", {}, {}, "test");
  }
  cql::Rows copy = kept;
  kept = {};
  ASSERT_EQ(copy.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(copy.integer(i, 1), 2 * copy.bigint(i, 0));
  EXPECT_EQ(copy.column_name(1), "number");
}

TEST_F(FakeSessionTest, APanicInTheDriverIsAnError) {
  const auto session = stores_.session();
  cql::Queue queue;
  rf_session_panic(session->handle(), queue.handle(), 9);
  const auto answer = queue.next(60s);
  ASSERT_TRUE(answer && answer->failure);
  EXPECT_EQ(answer->tag, 9u);
  EXPECT_EQ(answer->failure->status, cql::Status::kInternal);
  EXPECT_FALSE(answer->failure->outcome_known);
}

TEST_F(FakeSessionTest, ReplicasAreThoseOfThePartition) {
  auto connection = stores_.connection();
  const auto session = stores_.session();
  const auto select = session->prepare("SELECT id FROM k.t WHERE id = ?", "test");
  std::map<std::string, int> firsts;
  for (std::int64_t id = 0; id < 60; ++id) {
    const auto replicas = session->replicas(select, cql::Values().bigint(id));
    ASSERT_EQ(replicas.size(), 2u);
    EXPECT_NE(replicas[0].address, replicas[1].address);
    ++firsts[replicas[0].address];
  }
  EXPECT_EQ(firsts.size(), 3u);
  stores_.cluster().set_connected(1, false);
  EXPECT_NE(session->hosts_text().find("(not connected)"), std::string::npos);
  connection.contact_points_only = true;
  connection.contact_points.resize(2);
  const auto only = cql::Session::open(connection, "k");
  const auto of_only = only->prepare("SELECT id FROM k.t WHERE id = ?", "test");
  for (std::int64_t id = 0; id < 60; ++id) {
    // One that is away is asked all the same, and missed: only a stranger is passed over.
    for (const auto& replica : only->replicas(of_only, cql::Values().bigint(id)))
      EXPECT_NE(replica.address, session->hosts()[2].address);
  }
}

/// One session, its statements and one queue for many threads.
TEST_F(FakeSessionTest, IsForManyThreads) {
  fill(20);
  const auto session = stores_.session();
  const auto select = session->prepare("SELECT number FROM k.t WHERE id = ?", "test");
  constexpr std::uint64_t kEach = 100;
  cql::Queue queue;
  std::atomic<std::uint64_t> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < kEach; ++i) {
          const auto id = static_cast<std::int64_t>(i % 20);
          session->start(select, cql::Values().bigint(id), {}, queue,
                         static_cast<std::uint64_t>(id));
          session->replicas(select, cql::Values().bigint(id));
        }
      });
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < kEach; ++i) {
          const auto answer = queue.next(60s);
          ASSERT_TRUE(answer && !answer->failure);
          if (answer->rows.integer(0, 0) == 2 * static_cast<std::int32_t>(answer->tag)) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 2 * kEach);
}

}  // namespace
}  // namespace ringfeed::testing
