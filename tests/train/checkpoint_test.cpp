// Checkpoints in a folder: whole or not there, the newest k, and damage found.
#include "train/checkpoint.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

#include "errors.hpp"
#include "process.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::read_all;
using testing::run_forked;
using testing::TempFolder;
using testing::write_all;

void publish(CheckpointFolder& folder, int step) {
  folder.publish({{"step", step}}, [step](const std::string& path) {
    write_all(path + "/" + kWeightsFile, std::string(5000, static_cast<char>('a' + step % 26)));
    write_all(path + "/" + kOptimizerFile, "optimizer of step " + std::to_string(step));
  });
}

std::size_t entries(const std::string& path) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

TEST(Checkpoint, TheNewestStay) {
  const TempFolder temp;
  const std::string path = temp / "deep/checkpoints";
  {
    CheckpointFolder folder(path, 2);
    EXPECT_FALSE(folder.newest());
    for (int step = 1; step <= 3; ++step) publish(folder, step);
  }
  CheckpointFolder folder(path, 2);
  publish(folder, 4);
  EXPECT_EQ(entries(path), 2u);
  ASSERT_TRUE(folder.newest());
  const auto newest = Checkpoint::read(*folder.newest());
  EXPECT_EQ(newest.document, (nlohmann::json{{"step", 4}}));
  EXPECT_EQ(newest.optimizer->bytes(), "optimizer of step 4");
  EXPECT_EQ(newest.weights->bytes(), std::string(5000, 'e'));
  EXPECT_EQ(Checkpoint::read(path + "/checkpoint-000002").document.at("step"), 3);
}

TEST(Checkpoint, WhatCannotBeWrittenIsNotThere) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  publish(folder, 1);
  const auto fail = [](const std::string&) { throw Error(ErrorCode::kNoSpace, "full"); };
  EXPECT_THROW(folder.publish({}, fail), Error);
  EXPECT_EQ(entries(temp / "c"), 1u);
  publish(folder, 2);
  EXPECT_EQ(Checkpoint::read(*folder.newest()).document.at("step"), 2);
}

TEST(Checkpoint, DamageIsFoundAndNamed) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  publish(folder, 1);
  const std::string path = *folder.newest();
  for (const char* name : {kWeightsFile, kOptimizerFile}) {
    const std::string file = path + "/" + name;
    const std::string whole = read_all(file);
    std::string bytes = whole;
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    for (const auto& damaged : {bytes, whole.substr(0, 3), whole + "x"}) {
      write_all(file, damaged);
      expect_error(ErrorCode::kBadData, {name, "the one before it"},
                   [&] { Checkpoint::read(path); });
    }
    write_all(file, whole);
  }
  write_all(path + "/checkpoint.json", "{}");
  expect_error(ErrorCode::kBadData, {"checkpoint.json", "damaged"},
               [&] { Checkpoint::read(path); });
  expect_error(ErrorCode::kNotFound, {"there is no checkpoint here"},
               [&] { Checkpoint::read(temp.path()); });
}

TEST(Checkpoint, KilledAtAnyTimeTheNewestIsWhole) {
  const TempFolder temp;
  int seen = 0;
  for (int kills = 0; kills < 40; ++kills) {
    const auto end = run_forked([&]() -> int {
      std::jthread killer([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(200 * kills));
        ::raise(SIGKILL);
      });
      CheckpointFolder folder(temp / "c", 2);
      for (int step = 0;; ++step) publish(folder, step);
    });
    ASSERT_EQ(end.signal, SIGKILL) << end.output;
    const CheckpointFolder folder(temp / "c", 2);
    EXPECT_LE(entries(temp / "c"), 3u);  // the one too many was not removed yet
    if (const auto newest = folder.newest()) {
      EXPECT_NO_THROW(Checkpoint::read(*newest));
      ++seen;
    }
  }
  EXPECT_GT(seen, 10);
}

}  // namespace
}  // namespace ringfeed
