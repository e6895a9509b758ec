// Ingest killed (SIGKILL) at each step of the local store, and a few times in between, and run
// again ends in the same bytes as an uninterrupted one, and no reader ever sees a part of a
// version. Every operation of the protocol itself is tried in
// tests/store/version_protocol_test.cpp.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "process.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

const std::vector<std::string> kSteps = {"lock",
                                         "spill",
                                         "part-written",
                                         "part-synced",
                                         "part-renamed",
                                         "journal-appended",
                                         "manifest-written",
                                         "manifest-synced",
                                         "manifest-linked",
                                         "folder-synced",
                                         "work-removed"};

using Files = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

ProcessEnd drive(const std::string& folder, const Words& words) {
  Words command = {RINGFEED_INGEST_DRIVER, folder};
  command.insert(command.end(), words.begin(), words.end());
  return run_program(command);
}

Words with(Words words, const std::string& word) {
  words.push_back(word);
  return words;
}

/// Names and sizes, without the folder name that a fingerprint makes.
std::string state_of(const Files& files) {
  std::string state;
  for (const auto& [name, bytes] : files) state += name + " " + std::to_string(bytes.size()) + "\n";
  return state;
}

class KillTest : public ::testing::Test {
 protected:
  /// Each version that is visible is whole.
  void check_visible(const std::string& folder, const std::vector<std::uint64_t>& allowed) {
    LocalStore store(folder);
    const auto versions = store.versions();
    ASSERT_TRUE(std::includes(allowed.begin(), allowed.end(), versions.begin(), versions.end()));
    for (const auto version : versions) {
      const auto manifest = store.manifest(version);
      EXPECT_GT(store.verify(manifest, nullptr), 0u);
    }
  }

  void expect_same(const std::string& folder, const Files& expected, const std::string& what) {
    const auto files = snapshot(folder);
    std::string difference;
    for (const auto& [name, bytes] : expected) {
      if (!files.contains(name))
        difference += "missing " + name + "; ";
      else if (files.at(name) != bytes)
        difference += "different " + name + "; ";
    }
    for (const auto& [name, bytes] : files) {
      if (!expected.contains(name)) difference += "left over " + name + "; ";
    }
    EXPECT_EQ(difference, "") << what;
  }

  /// Starts from `before`, is killed by each of `kills` in turn, then runs to its end.
  void kill_and_run_again(const Files& before, const Words& words, const Words& kills,
                          const Files& expected, const std::vector<std::uint64_t>& allowed) {
    TempFolder temp;
    const std::string folder = temp / "set";
    for (const auto& [name, bytes] : before) {
      if (name.back() == '/') std::filesystem::create_directories(folder + "/" + name);
    }
    for (const auto& [name, bytes] : before) {
      if (name.back() != '/') write_all(folder + "/" + name, bytes);
    }
    std::string what;
    for (const auto& kill : kills) {
      what += kill + " ";
      const auto end = drive(folder, with(words, kill));
      if (&kill == &kills.front()) {
        ASSERT_EQ(end.signal, SIGKILL) << what << end.output;
      }
      check_visible(folder, allowed);
      states_.insert(state_of(snapshot(folder)));
    }
    const auto end = drive(folder, words);
    ASSERT_EQ(end.exit_code, 0) << what << end.output;
    expect_same(folder, expected, what);
  }

  std::set<std::string> states_;
};

Files uninterrupted(const std::string& folder, const Words& words, long& events) {
  const auto end = drive(folder, words);
  EXPECT_EQ(end.exit_code, 0) << end.output;
  events = std::atol(end.output.c_str());
  return snapshot(folder);
}

TEST_F(KillTest, AFewKillsAndOneAtEachStep) {
  TempFolder temp;
  const Words words = {"6000", "0"};
  long events = 0;
  const auto expected = uninterrupted(temp / "set", words, events);
  ASSERT_GE(events, 200);
  for (long i = 0; i < 6; ++i) {
    kill_and_run_again({}, words, {"kill-event=" + std::to_string(i * events / 6)}, expected, {1});
  }
  for (const auto& step : kSteps)
    kill_and_run_again({}, words, {"kill-step=" + step}, expected, {1});
  std::printf("distinct states after the kills: %zu\n", states_.size());
  EXPECT_GE(states_.size(), 10u);
}

TEST_F(KillTest, DuringAppend) {
  TempFolder temp;
  long events = 0;
  const auto before = uninterrupted(temp / "set", {"600", "0"}, events);
  const Words words = {"900", "600", "append"};
  const auto expected = uninterrupted(temp / "set", words, events);
  for (long i = 0; i < 3; ++i) {
    kill_and_run_again(before, words, {"kill-event=" + std::to_string(i * events / 3)}, expected,
                       {1, 2});
  }
  for (const auto& step : kSteps)
    kill_and_run_again(before, words, {"kill-step=" + step}, expected, {1, 2});
}

TEST_F(KillTest, TwiceInARow) {
  TempFolder temp;
  const Words words = {"1000", "0"};
  long events = 0;
  const auto expected = uninterrupted(temp / "set", words, events);
  for (long i = 1; i < 12; i += 4) {
    // The second is at an earlier or a later event: a resumed run has fewer of them, and may get to
    // its end.
    const auto first = "kill-event=" + std::to_string(i * events / 12);
    const auto second = "kill-event=" + std::to_string((i * 7 % 12) * events / 12);
    kill_and_run_again({}, words, {first, second}, expected, {1});
  }
  for (const auto& step : kSteps) {
    kill_and_run_again({}, words, {"kill-step=" + step, "kill-step=lock"}, expected, {1});
  }
}

TEST_F(KillTest, LeftoversOfAnotherIngestAreRemoved) {
  TempFolder temp;
  long events = 0;
  const auto expected = uninterrupted(temp / "expected", {"1000", "5"}, events);
  const auto end = drive(temp / "set", {"1000", "0", "kill-event=" + std::to_string(events / 2)});
  ASSERT_EQ(end.signal, SIGKILL);
  const auto again = drive(temp / "set", {"1000", "5"});
  ASSERT_EQ(again.exit_code, 0) << again.output;
  expect_same(temp / "set", expected, "another ingest");
}

/// A journal whose last line was torn, and a data file that was damaged after its line, are written
/// again.
TEST_F(KillTest, DamagedLeftoversAreWrittenAgain) {
  TempFolder temp;
  const Words words = {"2000", "0"};
  long events = 0;
  const auto expected = uninterrupted(temp / "expected", words, events);
  const std::string journal = temp / "set/.ingest/journal.jsonl";
  for (const int damage : {0, 1, 2}) {
    std::filesystem::remove_all(temp / "set");
    ASSERT_EQ(
        drive(temp / "set", with(words, "kill-event=" + std::to_string(events * 2 / 3))).signal,
        SIGKILL);
    auto text = read_all(journal);
    ASSERT_GT(std::count(text.begin(), text.end(), '\n'), 3);
    if (damage == 0) text.resize(text.size() - 7);
    if (damage == 1) text[text.size() / 2] ^= 1;
    if (damage == 2) {
      const auto name =
          Manifest::decode(text.substr(0, text.find('\n') + 1), "journal").parts[0].name;
      auto bytes = read_all(temp / "set/" + name);
      bytes[bytes.size() / 2] ^= 1;
      write_all(temp / "set/" + name, bytes);
    }
    write_all(journal, text);
    const auto end = drive(temp / "set", words);
    ASSERT_EQ(end.exit_code, 0) << end.output;
    expect_same(temp / "set", expected, "damage " + std::to_string(damage));
  }
}

TEST_F(KillTest, FinishedFilesAreNotWrittenAgain) {
  TempFolder temp;
  const Words words = {"2000", "0"};
  ASSERT_EQ(drive(temp / "set", with(words, "kill-event=70")).signal, SIGKILL);
  std::map<std::string, ino_t> inodes;
  std::string text = read_all(temp / "set/.ingest/journal.jsonl");
  for (std::size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    const auto line = text.substr(begin, text.find('\n', begin) + 1 - begin);
    const auto path = temp / ("set/" + Manifest::decode(line, "journal").parts[0].name);
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    inodes[path] = status.st_ino;
  }
  ASSERT_GT(inodes.size(), 3u);
  ASSERT_EQ(drive(temp / "set", words).exit_code, 0);
  for (const auto& [path, inode] : inodes) {
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_ino, inode) << path;
  }
}

}  // namespace
}  // namespace ringfeed::testing
