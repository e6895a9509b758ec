// The cache in front of a store: what it keeps, what it gives without the store, and what damage,
// bounds and kills do to it.
#include "store/cached_store.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <thread>

#include "errors.hpp"
#include "feed/memory_store.hpp"
#include "process.hpp"
#include "read_back.hpp"
#include "store/cache_folder.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::read_all;
using testing::read_chunk;
using testing::run_forked;
using testing::TempFolder;
using testing::write_all;

constexpr std::uint64_t kBlocks = 10;
constexpr std::uint32_t kBlockSamples = 20;

class Cached : public ::testing::Test {
 protected:
  Cached() {
    MemoryPlan plan;
    plan.block_samples.assign(kBlocks, kBlockSamples);
    server_ = std::make_shared<MemoryStore>(plan);
  }

  std::string folder() const { return temp_ / "cache"; }

  /// A data set of the server, or of the cache alone when that is down.
  std::shared_ptr<const Dataset> open(std::uint64_t bytes_max = 0) {
    const auto warn = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(text);
    };
    const auto store = std::make_shared<CachedStore>(
        Url::parse("cassandra://10.0.0.1/ml/numbers?split=train"),
        [this]() -> std::unique_ptr<Store> {
          if (down_) throw Error(ErrorCode::kUnavailable, "10.0.0.1: no answer");
          return std::make_unique<Borrowed>(server_);
        },
        std::make_unique<CacheFolder>(folder(), bytes_max, warn), warn);
    return Dataset::open(store, "cassandra://10.0.0.1/ml/numbers", std::nullopt, "train");
  }

  /// Reads every block, and checks it.
  void read_whole(const Dataset& dataset) {
    const auto reader = dataset.reader(2);
    ASSERT_EQ(reader->blocks().size(), kBlocks);
    for (std::uint64_t block = 0; block < kBlocks; ++block) {
      const auto expected = memory_chunk(3, block * kBlockSamples, kBlockSamples);
      ASSERT_TRUE(read_chunk(*reader, block)->Equals(*expected)) << block;
    }
  }

  std::vector<std::string> chunk_files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder())) {
      if (entry.path().extension() == ".chunk") files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
  }

  /// Hands a shared store on.
  class Borrowed final : public Store {
   public:
    explicit Borrowed(std::shared_ptr<MemoryStore> store) : store_(std::move(store)) {}
    std::vector<std::uint64_t> versions() override { return store_->versions(); }
    Manifest manifest(std::uint64_t version) override { return store_->manifest(version); }
    std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                        const ColumnPlaces& columns, int workers) override {
      return store_->reader(manifest, split, columns, workers);
    }
    std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) override {
      return store_->write(intent, std::move(on_step));
    }
    std::uint64_t verify(const Manifest& manifest,
                         const std::function<void(std::uint64_t)>& progress) override {
      return store_->verify(manifest, progress);
    }
    void remove(std::uint64_t version) override { store_->remove(version); }

   private:
    std::shared_ptr<MemoryStore> store_;
  };

  TempFolder temp_;
  std::shared_ptr<MemoryStore> server_;
  bool down_ = false;
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

TEST_F(Cached, WhatWasReadOnceIsNotReadAgain) {
  for (int run = 0; run < 3; ++run) {
    const auto dataset = open();
    read_whole(*dataset);
    read_whole(*dataset);
  }
  EXPECT_EQ(server_->reads(), kBlocks);
  EXPECT_EQ(chunk_files().size(), kBlocks);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Cached, AllOfItIsThereWithoutTheServer) {
  read_whole(*open());
  down_ = true;
  const auto dataset = open();
  EXPECT_EQ(dataset->size(), kBlocks * kBlockSamples);
  read_whole(*dataset);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("10.0.0.1: no answer; what is in the cache " + folder()),
            std::string::npos);
  fs::remove(chunk_files()[3]);
  const auto reader = dataset->reader(1);
  EXPECT_NO_THROW(read_chunk(*reader, 2));
  expect_error(ErrorCode::kUnavailable, {"10.0.0.1"}, [&] { read_chunk(*reader, 3); });
}

TEST_F(Cached, WithoutServerAndCacheItIsTheServersError) {
  down_ = true;
  expect_error(ErrorCode::kUnavailable, {"10.0.0.1: no answer"}, [&] { open(); });
}

TEST_F(Cached, DamageIsReadAgainAndNeverGiven) {
  read_whole(*open());
  const auto files = chunk_files();
  const std::string whole = read_all(files[0]);
  std::uint64_t refetched = 0;
  const auto expect_refetched = [&](const std::string& file) {
    read_whole(*open());
    EXPECT_EQ(server_->reads(), kBlocks + ++refetched);
    EXPECT_EQ(read_all(file).size(), whole.size());
  };
  for (std::size_t at = 0; at < whole.size(); at += 97) {  // a bit anywhere, the hash too
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 16);
    write_all(files[0], bytes);
    expect_refetched(files[0]);
  }
  for (const std::size_t bytes : {0, 1, 7, 8, 64, static_cast<int>(whole.size()) - 1}) {  // torn
    write_all(files[0], whole.substr(0, bytes));
    expect_refetched(files[0]);
  }
  // What was not on the disk when the power went is zeros.
  for (const auto bytes : {std::size_t{0}, std::size_t{8}, std::size_t{64}, whole.size() / 2}) {
    write_all(files[0], whole.substr(0, bytes) + std::string(whole.size() - bytes, '\0'));
    expect_refetched(files[0]);
  }
  EXPECT_EQ(read_all(files[0]), whole);
}

TEST_F(Cached, FilesOfOthersAreNeitherRemovedNorCounted) {
  read_whole(*open());
  const auto size = fs::file_size(chunk_files()[0]);
  fs::remove_all(folder());
  fs::create_directories(folder() + "/sub");
  write_all(folder() + "/report.tmp.docx", std::string(100 * size, 'r'));
  write_all(folder() + "/sub/keep.tmp.1", "keep");
  for (int run = 0; run < 2; ++run) read_whole(*open(4 * size + 100));
  EXPECT_EQ(chunk_files().size(), 4u);
  EXPECT_EQ(read_all(folder() + "/report.tmp.docx").size(), 100 * size);
  EXPECT_EQ(read_all(folder() + "/sub/keep.tmp.1"), "keep");
}

TEST_F(Cached, AFolderOfOurNameThatIsNotOursIsNotUsed) {
  const std::string own = folder() + "/ringfeed-cache";
  const auto expect_unused = [&](const std::string& word) {
    warnings_.clear();
    const auto reads = server_->reads();
    read_whole(*open());
    EXPECT_EQ(server_->reads() - reads, kBlocks);
    ASSERT_EQ(warnings_.size(), 1u) << word;
    EXPECT_NE(warnings_[0].find(word), std::string::npos) << warnings_[0];
    EXPECT_TRUE(chunk_files().empty());
  };
  fs::create_directories(own);
  write_all(own + "/photo", "1");
  expect_unused("has files that are not of a cache");
  write_all(own + "/.lock", "something else");
  expect_unused("not of this version's cache");
  EXPECT_EQ(read_all(own + "/.lock"), "something else");
  fs::remove_all(own);
  fs::create_directories(temp_ / "elsewhere");
  fs::create_symlink(temp_ / "elsewhere", own);
  expect_unused("a link stands");
  EXPECT_TRUE(fs::is_empty(temp_ / "elsewhere"));
}

TEST_F(Cached, AFileUnderAnothersNameIsReadAgain) {
  read_whole(*open());
  const auto files = chunk_files();
  fs::rename(files[2], temp_ / "two");
  fs::rename(files[3], files[2]);
  fs::rename(temp_ / "two", files[3]);
  read_whole(*open());  // each block is itself
  EXPECT_EQ(server_->reads(), kBlocks + 2);
}

TEST_F(Cached, AFileThatIsCutWhileItIsMappedIsReadAgain) {
  const auto dataset = open();
  read_chunk(*dataset->reader(1), 4);  // kept for sure once that reader has ended
  const auto reader = dataset->reader(1);
  read_chunk(*reader, 4);  // out of the cache, which keeps it mapped
  ASSERT_EQ(server_->reads(), 1u);
  for (const auto& file : chunk_files()) fs::resize_file(file, 1);
  EXPECT_TRUE(read_chunk(*reader, 4)->Equals(*memory_chunk(3, 4 * kBlockSamples, kBlockSamples)));
  EXPECT_EQ(server_->reads(), 2u);
}

TEST_F(Cached, OneThatIsTooSmallKeepsWhatFitsAndSaysWhichShare) {
  read_whole(*open());
  const auto size = fs::file_size(chunk_files()[0]);
  fs::remove_all(folder());
  const auto before = server_->reads();
  const auto dataset = open(4 * size + 100);
  for (int epoch = 0; epoch < 3; ++epoch) read_whole(*dataset);
  EXPECT_EQ(chunk_files().size(), 4u);
  EXPECT_EQ(server_->reads() - before, kBlocks + 2 * 6);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find("it serves 40 % of split train of cassandra://10.0.0.1/ml/numbers"),
            std::string::npos)
      << warnings_[0];
  EXPECT_NE(warnings_[0].find("ConnectionOptions::cache_bytes"), std::string::npos);
}

#ifndef __SANITIZE_THREAD__  // which follows no child of a process with threads
TEST_F(Cached, AFullDiskTurnsItOffWithOneWarning) {
  const auto end = run_forked([&] {
    const rlimit limit{600, 600};  // of one file: as a full disk, a write fails in the middle
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    const auto dataset = open();
    for (int epoch = 0; epoch < 2; ++epoch) read_whole(*dataset);
    const bool right = !::testing::Test::HasFailure() && warnings_.size() == 1 &&
                       warnings_[0].starts_with("the cache is off, and the store is read instead");
    return right && server_->reads() == 2 * kBlocks ? 0 : 1;
  });
  EXPECT_EQ(end.exit_code, 0) << end.output;
  EXPECT_TRUE(chunk_files().empty());
}
#endif

TEST_F(Cached, AFileInThePlaceOfItsFolderIsRefused) {
  write_all(folder(), "precious");
  expect_error(ErrorCode::kInvalidArgument, {folder() + ": it is no folder"}, [&] { open(); });
  EXPECT_EQ(read_all(folder()), "precious");
}

TEST_F(Cached, AFolderThatCannotBeMadeTurnsItOffWithOneWarning) {
  fs::create_directories(folder());
  write_all(folder() + "/ringfeed-cache", "a file is in the way");
  const auto dataset = open();
  for (int epoch = 0; epoch < 2; ++epoch) read_whole(*dataset);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_NE(warnings_[0].find(folder()), std::string::npos);
}

#ifndef __SANITIZE_THREAD__  // which follows no child of a process with threads
TEST_F(Cached, AKilledProcessLeavesNothingToClean) {
  const auto size = [&] {
    read_whole(*open());
    return fs::file_size(chunk_files()[0]);
  }();
  fs::remove_all(folder());
  for (int kills = 0; kills < 30; ++kills) {
    const auto end = run_forked([&]() -> int {
      std::jthread killer([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(300 * kills));
        ::raise(SIGKILL);
      });
      while (true) {
        read_whole(*open(6 * size + size / 2));
        fs::remove(chunk_files()[0]);
      }
    });
    ASSERT_EQ(end.signal, SIGKILL) << end.output;
  }
  const std::string unfinished = folder() + "/ringfeed-cache/unfinished";
  write_all(unfinished + "/0123456789abcdef", "left by a killed process");
  const std::vector<std::string> of_others = {"/notes", "/0123456789abcdef.txt",
                                              "/0123456789ABCDEF", "/folder/photo"};
  fs::create_directory(unfinished + "/folder");
  for (const auto& name : of_others) write_all(unfinished + name, "precious");
  read_whole(*open(6 * size + size / 2));
  EXPECT_EQ(chunk_files().size(), 6u);
  EXPECT_FALSE(fs::exists(unfinished + "/0123456789abcdef"));
  for (const auto& name : of_others) EXPECT_EQ(read_all(unfinished + name), "precious") << name;
}
#endif

#ifndef __SANITIZE_THREAD__  // which follows no child of a process with threads
TEST_F(Cached, ProcessesShareIt) {
  read_whole(*open());
  const auto size = fs::file_size(chunk_files()[0]);
  fs::remove_all(folder());
  const auto here = open(6 * size + size / 2);
  for (int i = 0; i < 3; ++i) {
    const auto end = run_forked([&] {
      read_whole(*open(6 * size + size / 2));
      return ::testing::Test::HasFailure() ? 1 : 0;
    });
    ASSERT_EQ(end.exit_code, 0) << end.output;
  }
  const auto before = server_->reads();
  read_whole(*here);
  EXPECT_EQ(chunk_files().size(), 6u);
  EXPECT_EQ(server_->reads() - before, kBlocks - 6);
}
#endif

}  // namespace
}  // namespace ringfeed
