// Checkpoints in a folder: whole or not there, the newest k, and damage found.
#include "train/checkpoint.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/sealed.hpp"
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

/// Without the lock.
std::size_t entries(const std::string& path) {
  return static_cast<std::size_t>(
      std::count_if(fs::directory_iterator(path), fs::directory_iterator(),
                    [](const auto& entry) { return entry.path().filename() != ".lock"; }));
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
  EXPECT_EQ(newest.optimizer, "optimizer of step 4");
  EXPECT_EQ(newest.weights, std::string(5000, 'e'));
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
  publish(folder, 2);
  const std::string path = *folder.newest();
  for (const char* name : {kWeightsFile, kOptimizerFile}) {
    const std::string file = path + "/" + name;
    const std::string whole = read_all(file);
    std::string bytes = whole;
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    for (const auto& damaged : {bytes, whole.substr(0, 3), whole + "x"}) {
      write_all(file, damaged);
      expect_error(ErrorCode::kBadData,
                   {name, "the one before it, " + temp / "c/checkpoint-000000"},
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

TEST(Checkpoint, EachFlipOfEachFileIsFound) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  folder.publish({{"position", {{"epoch", 2}, {"samples", 0}}}, {"losses", {0.5, "nan"}}},
                 [](const std::string& path) {
                   write_all(path + "/" + kWeightsFile, std::string(100, 'w'));
                   write_all(path + "/" + kOptimizerFile, std::string(100, 'o'));
                 });
  const std::string path = *folder.newest();
  std::size_t flips = 0;
  for (const char* name : {"checkpoint.json", kWeightsFile, kOptimizerFile}) {
    const std::string file = path + "/" + name;
    const std::string whole = read_all(file);
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit, ++flips) {
      std::string bytes = whole;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      write_all(file, bytes);
      expect_error(ErrorCode::kBadData, {path, "remove this checkpoint"},
                   [&] { Checkpoint::read(path); });
    }
    write_all(file, whole);
  }
  EXPECT_GT(flips, 3000u);
  EXPECT_EQ(Checkpoint::read(path).document.at("position").at("epoch"), 2);
}

TEST(Checkpoint, OneOfAnOlderFormatIsRefusedByName) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  publish(folder, 1);
  write_all(*folder.newest() + "/checkpoint.json",
            "{\n  \"ringfeed_checkpoint\": 1,\n  \"files\": {");
  expect_error(ErrorCode::kBadData, {"written by an older ringfeed"},
               [&] { Checkpoint::read(*folder.newest()); });
}

TEST(Checkpoint, OneOfANewerFormatIsRefusedByName) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  publish(folder, 1);
  write_all(*folder.newest() + "/checkpoint.json",
            seal("checkpoint", R"({"format":3,"files":{}})"));
  expect_error(ErrorCode::kBadData, {"a checkpoint of format 3; this version knows format 2"},
               [&] { Checkpoint::read(*folder.newest()); });
}

TEST(Checkpoint, AFolderHasOneUserWhoIsNamed) {
  const TempFolder temp;
  std::optional<CheckpointFolder> first(std::in_place, temp / "c", 3);
  fs::create_directory(temp / "c/.unfinished-000000");  // the first one's, under way
  expect_error(ErrorCode::kConflict,
               {temp / "c", "process " + std::to_string(::getpid()) + " on ", "choose another"},
               [&] { CheckpointFolder(temp / "c", 3); });
  EXPECT_TRUE(fs::exists(temp / "c/.unfinished-000000"));
  first.reset();
  EXPECT_FALSE(fs::exists(temp / "c/.lock"));
  CheckpointFolder next(temp / "c", 3);
  EXPECT_FALSE(fs::exists(temp / "c/.unfinished-000000"));
}

TEST(Checkpoint, WhatIsNotOursStays) {
  const TempFolder temp;
  for (const std::string name :
       {".removed-photos", ".unfinished-1", ".removed-000007", "checkpoint-1"}) {
    fs::create_directories(temp / ("c/" + name));
    write_all(temp / ("c/" + name + "/photo"), "precious");
  }
  write_all(temp / "precious", "1");
  fs::create_directory(temp / "c/.unfinished-000009");
  fs::create_symlink(temp / "precious", temp / "c/.unfinished-000009/weights.safetensors");
  CheckpointFolder folder(temp / "c", 1);
  for (int step = 1; step <= 3; ++step) publish(folder, step);
  for (const std::string name :
       {".removed-photos", ".unfinished-1", ".removed-000007", "checkpoint-1"})
    EXPECT_EQ(read_all(temp / ("c/" + name + "/photo")), "precious");
  EXPECT_FALSE(fs::exists(temp / "c/.unfinished-000009"));
  EXPECT_EQ(read_all(temp / "precious"), "1");
}

TEST(Checkpoint, WhatOthersPutIntoOneStaysWhenThatIsRemoved) {
  const TempFolder temp;
  for (int run = 0; run < 2; ++run) {
    CheckpointFolder folder(temp / "c", 1);
    for (int step = 1; step <= 3; ++step) {
      publish(folder, step);
      write_all(*folder.newest() + "/notes", "precious");
      fs::create_directories(*folder.newest() + "/plots/deep");
    }
    for (const std::string name : {"checkpoint-000000", "checkpoint-000001"}) {
      EXPECT_EQ(read_all(temp / ("c/" + name + "/notes")), "precious");
      EXPECT_EQ(entries(temp / ("c/" + name)), 2u);
      expect_error(ErrorCode::kNotFound, {"there is no checkpoint here"},
                   [&] { Checkpoint::read(temp / ("c/" + name)); });
    }
    EXPECT_EQ(Checkpoint::read(*folder.newest()).document.at("step"), 3);
    // A run begins anew beside what stayed.
    fs::remove_all(*folder.newest());
    fs::remove_all(temp / "c/checkpoint-000001");
    fs::remove_all(temp / "c/checkpoint-000000");
  }
}

/// As a copy that was cut off leaves it.
TEST(Checkpoint, AFolderWithoutADocumentIsNamedWithTheOneBefore) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  publish(folder, 1);
  fs::create_directory(temp / "c/checkpoint-000003");
  expect_error(ErrorCode::kBadData,
               {temp / "c/checkpoint-000003/checkpoint.json", "missing",
                "resume from the one before it, " + temp / "c/checkpoint-000000"},
               [&] { folder.newest(); });
}

TEST(Checkpoint, AFifoOrALinkIsDamage) {
  const TempFolder temp;
  CheckpointFolder folder(temp / "c", 3);
  for (const char* name : {"checkpoint.json", kWeightsFile, kOptimizerFile}) {
    publish(folder, 1);
    const std::string file = *folder.newest() + "/" + name;
    fs::rename(file, temp / "moved");
    fs::create_symlink(temp / "moved", file);
    expect_error(ErrorCode::kBadData, {file, "a link"},
                 [&] { Checkpoint::read(*folder.newest()); });
    fs::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    expect_error(ErrorCode::kBadData, {file, "a FIFO"},
                 [&] { Checkpoint::read(*folder.newest()); });
  }
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
    EXPECT_LE(entries(temp / "c"), 4u);  // those too many were not removed yet
    if (const auto newest = folder.newest()) {
      EXPECT_NO_THROW(Checkpoint::read(*newest));
      ++seen;
    }
  }
  EXPECT_GT(seen, 10);
}

}  // namespace
}  // namespace ringfeed
