// An ingest into Cassandra that is killed (SIGKILL) at each step, and a few times in between, and
// run again ends in the chunks of an uninterrupted one (every operation is tried without a server
// in tests/store_cassandra/writer_test.cpp); one that is stopped while another takes over cannot
// touch what that one publishes; and no reader ever sees a part of a version.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <map>
#include <thread>

#include "cassandra/server.hpp"
#include "process.hpp"

namespace ringfeed::testing {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

Words command_of(const std::string& name, const Words& words) {
  ::setenv("RINGFEED_USER", "cassandra", 1);
  ::setenv("RINGFEED_PASSWORD", "cassandra", 1);
  Words command = {RINGFEED_INGEST_DRIVER, url_of(name).text()};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

ProcessEnd drive(const std::string& name, const Words& words) {
  return run_program(command_of(name, words));
}

/// What the newest version holds, whatever its number.
std::vector<std::string> contents(cassandra::CassandraStore& store) {
  const auto versions = store.versions();
  if (versions.empty()) return {};
  const auto manifest = store.manifest(versions.back());
  store.verify(manifest, nullptr);
  std::vector<std::string> lines;
  for (const auto& part : manifest.parts) {
    for (std::size_t i = 0; i < part.chunk_hash.size(); ++i)
      lines.push_back(fmt::format("{} {} {} {:x}", part.split, part.chunk_samples[i],
                                  part.chunk_bytes[i], part.chunk_hash[i]));
  }
  return lines;
}

class CassandraKillTest : public ::testing::Test {
 protected:
  /// One data set for all tries: what is published is removed before the next one.
  void kill_and_run_again(const Words& words, const Words& kills,
                          const std::vector<std::string>& expected) {
    std::string what;
    for (const auto& kill : kills) {
      what += kill + " ";
      Words with = words;
      with.push_back(kill);
      const auto end = drive(name_, with);
      if (&kill == &kills.front()) {
        ASSERT_EQ(end.signal, SIGKILL) << what << end.output;
      }
      const auto visible = contents(store_);
      if (!visible.empty()) {
        EXPECT_EQ(visible, expected) << what;
      }
    }
    const auto end = drive(name_, words);
    ASSERT_EQ(end.exit_code, 0) << what << end.output;
    EXPECT_EQ(contents(store_), expected) << what;
    for (const auto version : store_.versions()) store_.remove(version);
    EXPECT_EQ(rows_left(), 0u) << what;
  }

  std::size_t rows_left() const {
    return shared_session()
        ->execute("SELECT claim FROM ringfeed_test.\"" + name_ + "_chunks\"", {}, {}, "test")
        .size();
  }

  const std::string name_ = fresh_name("kill");
  cassandra::CassandraStore store_ = store_of(name_);
};

TEST_F(CassandraKillTest, AFewKillsAndOneAtEachStep) {
  const Words words = {"6000", "0"};
  const auto whole = drive(name_, words);
  ASSERT_EQ(whole.exit_code, 0) << whole.output;
  const long events = std::atol(whole.output.c_str());
  ASSERT_GE(events, 80);
  const auto expected = contents(store_);
  ASSERT_GT(expected.size(), 50u);
  store_.remove(store_.versions().back());
  for (long i = 0; i < 4; ++i)
    kill_and_run_again(words, {"kill-event=" + std::to_string(i * events / 4)}, expected);
  for (const std::string step :
       {"tables", "claim", "spill", "part-stored", "journal-written", "chunks-stored",
        "manifest-written", "published", "journal-removed"}) {
    kill_and_run_again(words, {"kill-step=" + step}, expected);
  }
  kill_and_run_again(words,
                     {"kill-event=" + std::to_string(events / 2),
                      "kill-event=" + std::to_string(events / 4), "kill-step=chunks-stored"},
                     expected);
}

TEST_F(CassandraKillTest, StoredPartsAreNotSentAgain) {
  const Words words = {"6000", "0", "kill-step=chunks-stored"};
  ASSERT_EQ(drive(name_, words).signal, SIGKILL);
  const std::string select =
      "SELECT number, WRITETIME(data) FROM ringfeed_test.\"" + name_ + "_chunks\"";
  std::map<std::int64_t, std::int64_t> times;
  const auto before = shared_session()->execute(select, {}, {}, "test");
  for (std::size_t i = 0; i < before.size(); ++i) times[before.bigint(i, 0)] = before.bigint(i, 1);
  ASSERT_EQ(drive(name_, {"6000", "0"}).exit_code, 0);
  const auto after = shared_session()->execute(select, {}, {}, "test");
  std::size_t again = 0;
  for (std::size_t i = 0; i < after.size(); ++i)
    again += after.bigint(i, 1) != times[after.bigint(i, 0)] ? 1 : 0;
  EXPECT_GT(after.size(), 50u);
  EXPECT_LE(again, 8u);  // the open part, and one whose line was not written yet
}

TEST_F(CassandraKillTest, LeftoversOfAnotherIngestAreRemoved) {
  ASSERT_EQ(drive(name_, {"6000", "0", "kill-step=chunks-stored"}).signal, SIGKILL);
  EXPECT_GT(rows_left(), 50u);
  ASSERT_EQ(drive(name_, {"700", "5"}).exit_code, 0);
  EXPECT_EQ(rows_left(), contents(store_).size());
}

/// The stopped one wakes up after the other has published.
TEST_F(CassandraKillTest, AStoppedWriterThatLostItsClaimChangesNothing) {
  for (const bool same : {true, false}) {
    for (const std::string step : {"spill", "chunks-stored", "manifest-written"}) {
      const Words command = command_of(name_, {"6000", "0", "stop-step=" + step});
      std::vector<char*> arguments;
      for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
      arguments.push_back(nullptr);
      pid_t stopped = 0;
      ASSERT_EQ(::posix_spawn(&stopped, arguments[0], nullptr, nullptr, arguments.data(), environ),
                0);
      int status = 0;
      ASSERT_EQ(::waitpid(stopped, &status, WUNTRACED), stopped);
      ASSERT_TRUE(WIFSTOPPED(status));
      // Its claim ends with its lease, of 4 s.
      const Words other = same ? Words{"6000", "0"} : Words{"900", "7"};
      ProcessEnd end;
      const auto deadline = std::chrono::steady_clock::now() + 60s;
      do {
        std::this_thread::sleep_for(500ms);
        end = drive(name_, other);
      } while (end.exit_code != 0 && std::chrono::steady_clock::now() < deadline);
      EXPECT_EQ(end.exit_code, 0) << end.output;
      const auto expected = contents(store_);
      ::kill(stopped, SIGCONT);
      ASSERT_EQ(::waitpid(stopped, &status, 0), stopped);
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << status;
      EXPECT_EQ(store_.versions().size(), 1u);
      EXPECT_EQ(contents(store_), expected);
      store_.remove(store_.versions().back());
    }
  }
}

}  // namespace
}  // namespace ringfeed::testing
