// The bridge to the driver: what answers carry, how failures arrive, and that nothing is left
// behind.
#include "cql/session.hpp"

#include <gtest/gtest.h>
#include <ringfeed_driver.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <thread>

#include "cassandra/server.hpp"
#include "errors.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;

std::size_t entries(const char* folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

ErrorCode code_of(const std::function<void()>& body, std::string& message) {
  try {
    body();
  } catch (const Error& error) {
    message = error.what();
    return error.code();
  }
  message = "no error";
  return ErrorCode::kInternal;
}

TEST(SessionTest, CellsAreTheBytesOfTheValues) {
  const auto session = shared_session();
  session->execute(
      "CREATE TABLE IF NOT EXISTS ringfeed_test.cells (id bigint PRIMARY KEY, number int, data "
      "blob, words text, v vector<float, 3>, flag boolean)",
      {}, {}, "test");
  std::string floats;
  for (const float value : {1.5f, -2.0f, 3.25f}) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    floats.resize(floats.size() + 4);
    cql::write_big_endian(bits, floats.data() + floats.size() - 4);
  }
  session->execute(
      "INSERT INTO ringfeed_test.cells (id, number, data, words, v, flag) VALUES (?, "
      "?, ?, ?, ?, ?)",
      cql::Values().bigint(-5).integer(7).view("").null().view(floats).view(
          std::string_view("\x01", 1)),
      {}, "test");
  const auto rows = session->execute(
      "SELECT id, number, data, words, v, flag FROM ringfeed_test.cells WHERE id = ?",
      cql::Values().bigint(-5), {}, "test");
  ASSERT_EQ(rows.size(), 1u);
  ASSERT_EQ(rows.columns(), 6u);
  EXPECT_EQ(rows.bigint(0, 0), -5);
  EXPECT_EQ(rows.integer(0, 1), 7);
  ASSERT_TRUE(rows.cell(0, 2).has_value());
  EXPECT_EQ(*rows.cell(0, 2), "");
  EXPECT_FALSE(rows.cell(0, 3).has_value());
  EXPECT_EQ(rows.cell(0, 4), floats);
  EXPECT_TRUE(rows.boolean(0, 5));
  EXPECT_EQ(rows.column_name(4), "v");
  EXPECT_FALSE(rows.paging_state().has_value());
}

TEST(SessionTest, PagesCoverAllRowsOnce) {
  const auto session = shared_session();
  session->execute("CREATE TABLE IF NOT EXISTS ringfeed_test.pages (id bigint PRIMARY KEY)", {}, {},
                   "test");
  const auto insert = session->prepare("INSERT INTO ringfeed_test.pages (id) VALUES (?)", "test");
  for (int i = 0; i < 57; ++i) session->execute(insert, cql::Values().bigint(i), {}, "test");
  const auto select = session->prepare("SELECT id FROM ringfeed_test.pages", "test");
  std::vector<int> seen(57);
  std::string state;
  int pages = 0;
  do {
    cql::Request request = {.page_rows = 10};
    if (!state.empty()) request.paging_state = state;
    const auto rows = session->execute(select, {}, request, "test");
    EXPECT_LE(rows.size(), 10u);
    for (std::size_t i = 0; i < rows.size(); ++i)
      ++seen[static_cast<std::size_t>(rows.bigint(i, 0))];
    state = rows.paging_state().value_or("");
    ++pages;
  } while (!state.empty());
  EXPECT_GE(pages, 6);
  for (const int count : seen) EXPECT_EQ(count, 1);
}

TEST(SessionTest, FailuresHaveTheirCode) {
  const auto session = shared_session();
  std::string text;
  const auto run = [&](const char* cql) {
    return code_of([&] { session->execute(cql, {}, {}, "here"); }, text);
  };
  EXPECT_EQ(run("SELEC 1"), ErrorCode::kInvalidArgument) << text;
  EXPECT_EQ(run("SELECT * FROM ringfeed_test.no_such_table"), ErrorCode::kNotFound) << text;
  EXPECT_EQ(run("SELECT * FROM no_such_keyspace.t"), ErrorCode::kNotFound) << text;
  EXPECT_EQ(run("CREATE KEYSPACE ringfeed_test WITH replication = {'class': 'SimpleStrategy', "
                "'replication_factor': 1}"),
            ErrorCode::kConflict)
      << text;
  EXPECT_TRUE(text.starts_with("here: ")) << text;
}

/// Cells are in the memory of frames: those that come later must not change one that is still held.
TEST(SessionTest, LargeAnswersThatAreHeldKeepTheirBytes) {
  const auto session = shared_session();
  session->execute(
      "CREATE TABLE IF NOT EXISTS ringfeed_test.large (id bigint PRIMARY KEY, data blob)", {}, {},
      "test");
  constexpr std::int64_t kBlobs = 24;
  const auto blob = [](std::int64_t id) {
    std::string bytes(static_cast<std::size_t>(100'000 + 37'003 * id), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>((i * 31 + static_cast<std::size_t>(id) * 7) >> 3);
    return bytes;
  };
  const auto insert =
      session->prepare("INSERT INTO ringfeed_test.large (id, data) VALUES (?, ?)", "test");
  for (std::int64_t id = 0; id < kBlobs; ++id)
    session->execute(insert, cql::Values().bigint(id).bytes(blob(id)), {}, "test");
  const auto select =
      session->prepare("SELECT data FROM ringfeed_test.large WHERE id = ?", "test");
  cql::Queue queue;
  std::map<std::int64_t, cql::Rows> held;
  for (int round = 0; round < 10; ++round) {
    for (std::int64_t id = 0; id < kBlobs; ++id)
      session->start(select, cql::Values().bigint(id), {}, queue, static_cast<std::uint64_t>(id));
    for (std::int64_t i = 0; i < kBlobs; ++i) {
      auto answer = queue.next(60s);
      ASSERT_TRUE(answer && !answer->failure);
      const auto id = static_cast<std::int64_t>(answer->tag);
      EXPECT_EQ(answer->rows.cell(0, 0), blob(id));
      // Every round another third is let go.
      if ((id + round) % 3 != 0) held[id] = std::move(answer->rows);
    }
    for (const auto& [id, rows] : held) EXPECT_EQ(rows.cell(0, 0), blob(id)) << id;
  }
}

TEST(SessionTest, WrongAndMissingPasswordsAreRefusedWithoutTheirText) {
  const Url url = url_of("x");
  ConnectionOptions options = login();
  options.password = Secret("not-the-password");
  std::string text;
  EXPECT_EQ(code_of([&] { cql::Session::open(resolve_connection(url, options), ""); }, text),
            ErrorCode::kPermission);
  EXPECT_EQ(text.find("not-the-password"), std::string::npos) << text;
  Connection nobody = resolve_connection(url, login());
  nobody.user.reset();
  nobody.password.reset();
  EXPECT_EQ(code_of([&] { cql::Session::open(nobody, ""); }, text), ErrorCode::kPermission) << text;
}

TEST(SessionTest, WhereNobodyListensIsUnavailable) {
  Connection connection = resolve_connection(url_of("x"), login());
  connection.contact_points = {{"127.0.250.1", 9042}};
  connection.connect_timeout_ms = 1000;
  std::string text;
  EXPECT_EQ(code_of([&] { cql::Session::open(connection, ""); }, text), ErrorCode::kUnavailable);
  EXPECT_NE(text.find("127.0.250.1:9042"), std::string::npos) << text;
}

TEST(SessionTest, APanicInTheDriverIsAnError) {
  const auto session = open_session();
  cql::Queue queue;
  rf_session_panic(session->handle(), queue.handle(), 9);
  const auto answer = queue.next(10s);
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->tag, 9u);
  ASSERT_TRUE(answer->failure.has_value());
  EXPECT_EQ(answer->failure->status, cql::Status::kInternal);
  EXPECT_FALSE(answer->failure->outcome_known);
  // The session still works.
  EXPECT_EQ(session->execute("SELECT key FROM system.local", {}, {}, "test").size(), 1u);
}

TEST(SessionTest, ClosedWithRequestsUnderWayEachHasItsAnswer) {
  auto session = open_session();
  const auto select = session->prepare("SELECT * FROM system_schema.columns", "test");
  cql::Queue queue;
  for (std::uint64_t tag = 0; tag < 200; ++tag) session->start(select, {}, {}, queue, tag);
  session.reset();
  std::vector<int> answers(200);
  while (const auto answer = queue.next(0ms)) ++answers[answer->tag];
  for (const int count : answers) EXPECT_EQ(count, 1);
}

TEST(SessionTest, AHundredSessionsLeaveNoThreadAndNoDescriptor) {
  open_session().reset();
  const auto threads = entries("/proc/self/task");
  const auto descriptors = entries("/proc/self/fd");
  for (int i = 0; i < 100; ++i) {
    const auto session = open_session();
    ASSERT_EQ(session->execute("SELECT key FROM system.local", {}, {}, "test").size(), 1u);
  }
  // A thread is listed for a moment after it has ended.
  for (int i = 0; i < 50 && entries("/proc/self/task") > threads; ++i)
    std::this_thread::sleep_for(100ms);
  EXPECT_EQ(entries("/proc/self/task"), threads);
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
}

}  // namespace
}  // namespace ringfeed::testing
