#include "store/local_store.hpp"

#include <arrow/record_batch.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <latch>
#include <random>
#include <ringfeed/error.hpp>
#include <set>
#include <thread>

#include "base/hash.hpp"
#include "dataset/chunk.hpp"
#include "dataset/ranges.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "process.hpp"
#include "read_back.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

constexpr std::int64_t kChunkRows = 20;

Schema test_schema() { return MemorySource({}).schema(); }

WriteIntent intent_of(std::uint64_t fingerprint, bool append = false) {
  return {test_schema(), {"train", "val"}, {fingerprint, 7, 4096, "whole"}, append};
}

/// Puts chunks of samples [20 i, 20 i + 20), i in [first, end); every fifth goes to val, at the
/// end.
void put_chunks(VersionWriter& writer, std::int64_t first, std::int64_t end) {
  const MemorySource source({});
  for (const bool val : {false, true}) {
    for (std::int64_t i = first; i < end; ++i) {
      if ((i % 5 == 4) != val) continue;
      const Chunk chunk = source.chunk(i * kChunkRows, kChunkRows);
      writer.put(val ? "val" : "train", {&chunk, 1}, ranges_of(*chunk.columns(), source.schema()));
    }
  }
}

Manifest write_version(const std::string& folder, std::uint64_t fingerprint, std::int64_t first,
                       std::int64_t end, bool append = false) {
  LocalStore store(folder, {.part_bytes = 10000});
  const auto writer = store.write(intent_of(fingerprint, append), nullptr);
  put_chunks(*writer, first, end);
  return writer->publish();
}

std::vector<std::int64_t> first_numbers(Store& store, const Manifest& manifest,
                                        std::string_view split) {
  std::vector<std::int64_t> numbers;
  for (const auto& chunk : read_split(store, manifest, split))
    numbers.push_back(number_of(*chunk, 0));
  return numbers;
}

TEST(LocalStore, ReadsBackWhatWasPut) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 12);
  LocalStore store(temp / "set");
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(store.manifest(1), manifest);
  EXPECT_EQ(first_numbers(store, manifest, "train"),
            (std::vector<std::int64_t>{0, 20, 40, 60, 100, 120, 140, 160, 200, 220}));
  EXPECT_EQ(first_numbers(store, manifest, "val"), (std::vector<std::int64_t>{80, 180}));
  const MemorySource source({});
  EXPECT_TRUE(read_split(store, manifest, "val")[1]->Equals(*source.make(180, 20),
                                                            /*check_metadata=*/true));
  std::uint64_t last = 0;
  std::uint64_t size = 0;
  for (const auto& [name, bytes] : snapshot(temp / "set")) size += bytes.size();
  EXPECT_EQ(store.verify(manifest, [&](std::uint64_t bytes) { last = bytes; }), size);
  EXPECT_EQ(last, size);
  const auto reader = store.reader(manifest, "val", {}, 1);
  ASSERT_EQ(reader->blocks().size(), 2u);
  EXPECT_EQ(reader->blocks()[0].samples, 20u);
  EXPECT_EQ(reader->blocks()[0].bytes, manifest.parts.back().chunk_bytes[0]);
}

TEST(LocalStore, ChunksOutliveTheirReader) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 3);
  LocalStore store(temp / "set");
  auto chunk = read_chunk(*store.reader(manifest, "train", {}, 1), 2);
  EXPECT_EQ(number_of(*chunk, 19), 59);
}

TEST(LocalStore, ManyReadsAtOnceFromManyThreads) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 40);
  LocalStore store(temp / "set");
  for (const int workers : {1, 4}) {
    std::atomic<std::int64_t> sum = 0;
    std::atomic<int> calls = 0;
    {
      const auto reader = store.reader(manifest, "train", {}, workers);
      const auto blocks = reader->blocks().size();
      std::vector<std::jthread> threads;
      for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
          for (std::uint64_t i = 0; i < 500; ++i) {
            reader->read(i % blocks, [&](const Chunk& chunk, const std::exception_ptr& failure) {
              if (failure == nullptr) sum += number_of(*chunk.columns(), 0);
              ++calls;
            });
          }
        });
      }
      threads.clear();
      while (calls < 1500) std::this_thread::yield();
    }
    EXPECT_EQ(calls, 1500);
    EXPECT_GT(sum, 0);
  }
}

/// A disk that is slow must not hold up whoever ends.
TEST(LocalStore, WhatHasNotBegunIsNotReadWhenTheReaderEnds) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 400);
  LocalStore store(temp / "set");
  auto reader = store.reader(manifest, "train", {}, 1);
  const auto blocks = static_cast<int>(reader->blocks().size());
  std::atomic<int> given = 0, cancelled = 0;
  std::latch begun(1);
  for (int i = 0; i < blocks; ++i) {
    reader->read(static_cast<std::uint64_t>(i), [&, i](const Chunk& chunk,
                                                       const std::exception_ptr& failure) {
      if (i == 0) {
        begun.count_down();
        std::this_thread::sleep_for(std::chrono::milliseconds(200));  // as long as the reader ends
      }
      chunk != nullptr ? ++given : ++cancelled;
      EXPECT_EQ(chunk == nullptr, failure != nullptr);
    });
  }
  begun.wait();
  reader.reset();
  EXPECT_EQ(given + cancelled, blocks);
  EXPECT_GT(cancelled, 0);
}

TEST(LocalStore, RefusesBadRequests) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  LocalStore store(temp / "set");
  expect_error(ErrorCode::kNotFound, {"no split 'test'"},
               [&] { store.reader(manifest, "test", {}, 1); });
  expect_error(ErrorCode::kInvalidArgument, {"0 threads"},
               [&] { store.reader(manifest, "train", {}, 0); });
  expect_error(ErrorCode::kInvalidArgument, {"257 threads"},
               [&] { store.reader(manifest, "train", {}, 257); });
  expect_error(ErrorCode::kInvalidArgument, {"block 5"},
               [&] { store.reader(manifest, "train", {}, 1)->read(5, nullptr); });
  expect_error(ErrorCode::kNotFound, {"no version 2", "the versions are 1"},
               [&] { store.manifest(2); });
  LocalStore nothing(temp / "nothing");
  EXPECT_TRUE(nothing.versions().empty());
  expect_error(ErrorCode::kNotFound, {"no data set"}, [&] { nothing.manifest(1); });
}

TEST(LocalStore, TwoWritersOneWins) {
  TempFolder temp;
  LocalStore first(temp / "set", {.part_bytes = 10000});
  LocalStore second(temp / "set", {.part_bytes = 10000});
  const auto writer = first.write(intent_of(1), nullptr);
  put_chunks(*writer, 0, 4);
  const std::string pid = std::to_string(::getpid());
  expect_error(ErrorCode::kConflict, {"process " + pid, "then try again"},
               [&] { second.write(intent_of(1), nullptr); });
  expect_error(ErrorCode::kConflict, {"process " + pid},
               [&] { second.write(intent_of(2), nullptr); });
  const auto other = run_forked([&]() -> int {
    try {
      LocalStore(temp / "set").write(intent_of(3), nullptr);
    } catch (const Error& error) {
      return error.code() == ErrorCode::kConflict ? 42 : 1;
    }
    return 0;
  });
  EXPECT_EQ(other.exit_code, 42) << other.output;
  const auto manifest = writer->publish();
  EXPECT_EQ(manifest.split_infos()[0].chunks, 4u);
  EXPECT_EQ(first.verify(manifest, nullptr), second.verify(second.manifest(1), nullptr));
  expect_error(ErrorCode::kConflict, {"IngestOptions::append", "another one"},
               [&] { second.write(intent_of(2), nullptr); });
}

TEST(LocalStore, ManyWritersRaceAndOneVersionComesOut) {
  TempFolder temp;
  std::atomic<int> published = 0;
  {
    std::latch start(4);
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        for (int attempt = 0; attempt < 50; ++attempt) {
          try {
            write_version(temp / "set", 1 + t, 0, 3);
            ++published;
            return;
          } catch (const Error& error) {
            ASSERT_EQ(error.code(), ErrorCode::kConflict) << error.what();
          }
        }
      });
    }
  }
  EXPECT_EQ(published, 1);
  LocalStore store(temp / "set");
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  EXPECT_GT(store.verify(store.manifest(1), nullptr), 0u);
  EXPECT_EQ(names_in(temp / "set"), (std::vector<std::string>{"data", "versions"}));
  EXPECT_EQ(names_in(temp / "set/data").size(), 1u);
}

TEST(LocalStore, AReaderOfVersionOneNeverSeesVersionTwo) {
  TempFolder temp;
  const auto one = write_version(temp / "set", 1, 0, 6);
  LocalStore store(temp / "set", {.part_bytes = 10000});
  const auto reader = store.reader(store.manifest(1), "train", {}, 1);
  const auto writer = store.write(intent_of(2, /*append=*/true), nullptr);
  put_chunks(*writer, 6, 12);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(writer->version(), 2u);
  const auto two = writer->publish();
  EXPECT_EQ(store.versions(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(reader->blocks().size(), 5u);
  EXPECT_EQ(store.manifest(1), one);
  EXPECT_EQ(first_numbers(store, store.manifest(1), "train").size(), 5u);
  EXPECT_EQ(first_numbers(store, two, "train"),
            (std::vector<std::int64_t>{0, 20, 40, 60, 100, 120, 140, 160, 200, 220}));
  // Nothing is copied: the files of version 1 are named, not written again.
  EXPECT_TRUE(std::equal(one.parts.begin(), one.parts.end(), two.parts.begin()));
  EXPECT_EQ(names_in(temp / "set/data").size(), 2u);
}

TEST(LocalStore, AppendNeedsTheSameColumns) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 6);
  LocalStore store(temp / "set");
  auto intent = intent_of(2, true);
  intent.schema.columns[1].dtype = DType::kInt32;
  expect_error(ErrorCode::kInvalidArgument, {"column 2 is label int32", "label int64"},
               [&] { store.write(intent, nullptr); });
  intent = intent_of(2, true);
  intent.schema.columns.pop_back();
  expect_error(ErrorCode::kInvalidArgument, {"column bits is missing"},
               [&] { store.write(intent, nullptr); });
  intent.schema.columns = test_schema().columns;
  intent.schema.columns.push_back({"more", ColumnKind::kBinary, DType::kUInt8, {}});
  expect_error(ErrorCode::kInvalidArgument, {"column more is new"},
               [&] { store.write(intent, nullptr); });
  expect_error(ErrorCode::kNotFound, {"IngestOptions::append"},
               [&] { LocalStore(temp / "nothing").write(intent_of(1, true), nullptr); });
  EXPECT_EQ(names_in(temp / "set"), (std::vector<std::string>{"data", "versions"}));
  EXPECT_EQ(names_in(temp.path()), std::vector<std::string>{"set"});
}

TEST(LocalStore, AFolderWithOtherFilesIsLeftAlone) {
  TempFolder temp;
  write_all(temp / "holiday.jpg", "x");
  expect_error(ErrorCode::kInvalidArgument, {"holiday.jpg", "empty folder"},
               [&] { LocalStore(temp.path()).write(intent_of(1), nullptr); });
  expect_error(ErrorCode::kNotFound, {"holiday.jpg"},
               [&] { LocalStore(temp / "holiday.jpg").write(intent_of(1), nullptr); });
  EXPECT_EQ(snapshot(temp.path()).size(), 1u);
}

TEST(LocalStore, MissingCutAndAlteredFilesAreNamed) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  const std::string path = temp / "set/" + manifest.parts[0].name;
  const auto bytes = read_all(path);
  LocalStore store(temp / "set");
  const auto read_first = [&] { read_split(store, manifest, "train"); };
  const auto verify = [&] { store.verify(manifest, nullptr); };

  auto altered = bytes;
  altered[manifest.parts[0].head.bytes + 100] ^= 1;
  write_all(path, altered);
  const auto range =
      "bytes " + std::to_string(manifest.parts[0].head.bytes) + " to " +
      std::to_string(manifest.parts[0].head.bytes + manifest.parts[0].chunk_bytes[0]);
  for (const auto& check : {std::function<void()>(read_first), std::function<void()>(verify)}) {
    expect_error(ErrorCode::kBadData, {path, "chunk 0", range, "restore"}, check);
  }
  write_all(path, bytes.substr(0, bytes.size() - 1));
  for (const auto& check : {std::function<void()>(read_first), std::function<void()>(verify)}) {
    expect_error(ErrorCode::kBadData, {path, std::to_string(bytes.size() - 1), "restore"}, check);
  }
  write_all(path, bytes + "x");
  expect_error(ErrorCode::kBadData, {path}, read_first);
  std::filesystem::remove(path);
  for (const auto& check : {std::function<void()>(read_first), std::function<void()>(verify)}) {
    expect_error(ErrorCode::kBadData, {path, "missing", "restore"}, check);
  }
  write_all(path, bytes);
  read_first();
  verify();
}

TEST(LocalStore, AFileThatIsCutWhileItIsReadIsAnErrorNotASignal) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  LocalStore store(temp / "set");
  const auto reader = store.reader(manifest, "train", {}, 1);
  read_chunk(*reader, 0);
  std::filesystem::resize_file(temp / "set/" + manifest.parts[0].name, 10);
  expect_error(ErrorCode::kBadData, {"cut after it was opened"}, [&] { read_chunk(*reader, 0); });
}

TEST(LocalStore, EachOfAThousandFlipsIsFound) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 12);
  const auto files = snapshot(temp / "set");
  std::size_t total = 0;
  for (const auto& [name, bytes] : files) total += bytes.size();
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::set<std::string> hit;
  int found_by_reading = 0;
  int flips = 0;
  for (; flips < 1000; ++flips) {
    // Spread evenly: position i * total / 1000 of all files one behind the other, and a random bit
    // there.
    std::size_t position = static_cast<std::size_t>(flips) * total / 1000;
    auto file = files.begin();
    while (position >= file->second.size()) position -= (file++)->second.size();
    auto bytes = file->second;
    bytes[position] = static_cast<char>(bytes[position] ^ (1 << (random() % 8)));
    write_all(temp / "set/" + file->first, bytes);
    hit.insert(file->first);
    LocalStore store(temp / "set");
    const auto verified = error_of([&] { store.verify(store.manifest(1), nullptr); });
    ASSERT_EQ(verified.code(), ErrorCode::kBadData) << file->first << " byte " << position;
    EXPECT_NE(std::string(verified.what()).find(file->first), std::string::npos) << verified.what();
    const auto read = error_of([&] {
      const auto manifest = store.manifest(1);
      for (const auto& split : manifest.splits) read_split(store, manifest, split);
    });
    if (read.code() == ErrorCode::kBadData) {
      ++found_by_reading;
    } else {
      // Only heads and tails are not read by a reader.
      const auto manifest = store.manifest(1);
      const auto part = std::find_if(manifest.parts.begin(), manifest.parts.end(),
                                     [&](const Part& each) { return each.name == file->first; });
      ASSERT_NE(part, manifest.parts.end());
      EXPECT_TRUE(position < part->head.bytes || position >= part->bytes() - part->tail.bytes)
          << file->first << " byte " << position;
    }
    write_all(temp / "set/" + file->first, file->second);
  }
  std::size_t files_only = 0;
  for (const auto& [name, bytes] : files) files_only += name.back() != '/' ? 1 : 0;
  EXPECT_EQ(hit.size(), files_only);
  EXPECT_EQ(flips, 1000);
  std::printf("%d of %d flips were in what a reader reads\n", found_by_reading, flips);
}

/// A manifest with right checksums from a hostile hand.
TEST(LocalStore, AManifestThatLeadsOutOfTheFolderIsRefused) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  write_all(temp / "secret", read_all(temp / "set/" + manifest.parts[0].name));
  for (const auto& name :
       {std::string("../secret"), temp / "secret", std::string("data/../../secret"),
        std::string("./x"), std::string("data//x"), std::string("data/")}) {
    auto hostile = manifest;
    hostile.parts[0].name = name;
    write_all(temp / "set/versions/1.json", hostile.encode());
    LocalStore store(temp / "set");
    expect_error(ErrorCode::kBadData, {"outside", "1.json"},
                 [&] { store.reader(store.manifest(1), "train", {}, 1); });
    expect_error(ErrorCode::kBadData, {"outside", "1.json"},
                 [&] { store.verify(store.manifest(1), nullptr); });
  }
}

/// The files elsewhere have the bytes that the manifest says.
TEST(LocalStore, LinksOutOfTheFolderAreNotFollowed) {
  namespace fs = std::filesystem;
  TempFolder temp;
  const std::string set = temp / "set";
  const auto manifest = write_version(set, 1, 0, 6);
  const std::string name = manifest.parts[0].name;
  const std::string folder = name.substr(0, name.rfind('/'));
  const auto refused = [&](LocalStore& store) {
    expect_error(ErrorCode::kBadData, {set, "a link"},
                 [&] { read_split(store, store.manifest(1), "train"); });
    expect_error(ErrorCode::kBadData, {set, "a link"},
                 [&] { store.verify(store.manifest(1), nullptr); });
    expect_error(ErrorCode::kBadData, {set, "a link"}, [&] { store.remove(1); });
  };
  for (const std::string& moved : {name, folder, std::string("data"), std::string("versions")}) {
    fs::remove_all(temp / "elsewhere");
    fs::rename(set + "/" + moved, temp / "elsewhere");
    fs::create_symlink(temp / "elsewhere", set + "/" + moved);
    const auto before = snapshot(temp.path());
    LocalStore store(set);
    if (moved == name) {  // removing it would remove the link alone
      expect_error(ErrorCode::kBadData, {set, "a link"},
                   [&] { read_split(store, store.manifest(1), "train"); });
    } else {
      refused(store);
    }
    EXPECT_EQ(snapshot(temp.path()), before) << moved;
    fs::remove(set + "/" + moved);
    fs::rename(temp / "elsewhere", set + "/" + moved);
  }
  // Where a writer works, too: it removes what an earlier one left there.
  fs::create_directories(temp / "elsewhere");
  write_all(temp / "elsewhere/precious", "1");
  fs::create_symlink(temp / "elsewhere", set + "/.ingest");
  expect_error(ErrorCode::kBadData, {set, "a link"}, [&] { write_version(set, 2, 6, 9, true); });
  EXPECT_EQ(read_all(temp / "elsewhere/precious"), "1");
  fs::remove(set + "/.ingest");
  fs::create_directories(set + "/.ingest");
  fs::create_symlink(temp / "elsewhere/precious", set + "/.ingest/lock");
  expect_error(ErrorCode::kBadData, {set, "a link"}, [&] { write_version(set, 2, 6, 9, true); });
  EXPECT_EQ(read_all(temp / "elsewhere/precious"), "1");
}

TEST(LocalStore, OnlyFilesOfDataAreRemoved) {
  TempFolder temp;
  auto manifest = write_version(temp / "set", 1, 0, 6);
  write_all(temp / "set/notes.txt", "precious");
  manifest.parts[0].name = "notes.txt";
  write_all(temp / "set/versions/1.json", manifest.encode());
  LocalStore store(temp / "set");
  store.remove(1);
  EXPECT_EQ(read_all(temp / "set/notes.txt"), "precious");
  EXPECT_TRUE(store.versions().empty());
}

TEST(LocalStore, AFifoWhereAFileIsDueIsDamage) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  LocalStore store(temp / "set");
  for (const std::string& name : {manifest.parts[0].name, std::string("versions/1.json")}) {
    const std::string path = temp / "set/" + name;
    std::filesystem::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    expect_error(ErrorCode::kBadData, {path, "a FIFO"}, [&] { store.verify(manifest, nullptr); });
  }
  expect_error(ErrorCode::kBadData, {"a FIFO"}, [&] { store.manifest(1); });
}

/// Its checksums are right.
TEST(LocalStore, WhatAManifestSaysOfItsChunksIsLookedAt) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  LocalStore store(temp / "set");
  const auto refused = [&](const Manifest& wrong, std::initializer_list<std::string> words) {
    write_all(temp / "set/versions/1.json", wrong.encode());
    expect_error(ErrorCode::kBadData, words, [&] { store.verify(store.manifest(1), nullptr); });
    expect_error(ErrorCode::kBadData, words,
                 [&] { read_split(store, store.manifest(1), "train"); });
  };
  auto wrong = manifest;
  wrong.rows[0][0] = wrong.parts[0].chunk_samples[0] = 4'294'967'295;
  write_all(temp / "set/versions/1.json", wrong.encode());
  expect_error(ErrorCode::kBadData, {"4294967295 samples cannot be in"},
               [&] { store.manifest(1); });
  wrong.rows[0][0] = wrong.parts[0].chunk_samples[0] = 19;
  refused(wrong, {"20 samples where the manifest has 19"});
  for (const auto& change : std::vector<std::function<void(ColumnSpec&)>>{
           [](ColumnSpec& column) { column.dtype = DType::kInt32; },  // as many bytes
           [](ColumnSpec& column) { std::ranges::reverse(column.shape); },
           [](ColumnSpec& column) { column.name += "x"; }}) {
    wrong = manifest;
    change(wrong.schema.columns[0]);
    ASSERT_NE(wrong.schema, manifest.schema);
    refused(wrong, {"head", "its columns are not those of the manifest"});
  }
  wrong = manifest;
  ASSERT_FALSE(wrong.parts[0].ranges.empty());
  ++wrong.parts[0].ranges[0].most;
  write_all(temp / "set/versions/1.json", wrong.encode());
  expect_error(ErrorCode::kBadData, {"smallest and largest values"},
               [&] { store.verify(store.manifest(1), nullptr); });
}

TEST(LocalStore, AManifestUnderAnotherNumberIsRefused) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 6);
  std::filesystem::copy(temp / "set/versions/1.json", temp / "set/versions/3.json");
  for (const auto* name :
       {"01.json", "x.json", "-1.json", "2.json.tmp", ".json", "99999999999999999999999.json"}) {
    write_all(temp / "set/versions/" + name, "");
  }
  LocalStore store(temp / "set");
  EXPECT_EQ(store.versions(), (std::vector<std::uint64_t>{1, 3}));
  expect_error(ErrorCode::kBadData, {"3.json", "version 1"}, [&] { store.manifest(3); });
}

TEST(LocalStore, NoSpaceIsAnErrorAndTheNextTryGoesOn) {
  TempFolder temp;
  const auto child = run_forked([&]() -> int {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8000, 8000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_version(temp / "set", 1, 0, 12);
    } catch (const Error& error) {
      std::printf("%s\n", error.what());
      std::fflush(stdout);
      return error.code() == ErrorCode::kNoSpace ? 42 : 1;
    }
    return 0;
  });
  EXPECT_EQ(child.exit_code, 42) << child.output;
  EXPECT_NE(child.output.find("then try again"), std::string::npos) << child.output;
  EXPECT_TRUE(LocalStore(temp / "set").versions().empty());
  write_version(temp / "set", 1, 0, 12);
  write_version(temp / "expected", 1, 0, 12);
  EXPECT_EQ(snapshot(temp / "set"), snapshot(temp / "expected"));
}

TEST(LocalStore, NoPermissionIsAnError) {
  TempFolder temp;
  std::filesystem::permissions(temp.path(), std::filesystem::perms(0755));
  write_version(temp / "set", 1, 0, 3);
  std::filesystem::permissions(temp / "set/versions/1.json", std::filesystem::perms(0000));
  const auto child = run_forked([&]() -> int {
    // Permission bits do not bind root.
    if (::getuid() == 0 && ::setuid(65534) != 0) return 2;
    for (const auto& call :
         {std::function<void()>([&] { write_version(temp / "other", 1, 0, 3); }),
          std::function<void()>([&] { LocalStore(temp / "set").manifest(1); })}) {
      try {
        call();
        return 3;
      } catch (const Error& error) {
        std::printf("%s\n", error.what());
        if (error.code() != ErrorCode::kPermission || error.exit_code() != 5) return 4;
      }
    }
    return 42;
  });
  EXPECT_EQ(child.exit_code, 42) << child.output;
  EXPECT_NE(child.output.find(temp / "other"), std::string::npos) << child.output;
}

TEST(LocalStore, PyarrowOpensTheFilesAsTheyAre) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 6);
  const std::string program = R"(
import sys, pyarrow as pa
with pa.memory_map(sys.argv[1]) as source:
    reader = pa.ipc.open_file(source)
    table = reader.read_all()
    table.validate(full=True)
    assert isinstance(table.schema.field('image').type, pa.FixedShapeTensorType), table.schema
    assert table.schema.field('image').type.shape == [2, 3]
    assert reader.num_record_batches == int(sys.argv[2])
    assert table['label'].to_pylist()[:20] == [i % 7 for i in range(20)]
    images = table['image'].combine_chunks().to_numpy_ndarray()
    assert images[3].tolist() == [[18, 19, 20], [21, 22, 23]]
    assert table['tags'].to_pylist()[7] == [7, 7, 7]
    assert table['text'].to_pylist()[12] == 't'
    assert table['bits'].to_pylist()[5] == [True, False, True]
print(len(table))
)";
  const auto& part = manifest.parts[0];
  const auto end = run_program({RINGFEED_PYTHON, "-c", program, temp / "set/" + part.name,
                                std::to_string(part.chunk_bytes.size())});
  EXPECT_EQ(end.exit_code, 0) << end.output;
  EXPECT_EQ(end.output, std::to_string(part.samples()) + "\n");
}

TEST(LocalStore, RemoveTakesOnlyWhatNoOtherVersionNames) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 12);
  const auto second = write_version(temp / "set", 2, 12, 20, true);
  LocalStore store(temp / "set");
  store.remove(1);
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{2});
  store.verify(second, nullptr);
  expect_error(ErrorCode::kNotFound, {"the versions are 2"}, [&] { store.remove(1); });
  store.remove(2);
  EXPECT_TRUE(store.versions().empty());
  for (const auto& [name, bytes] : snapshot(temp / "set")) EXPECT_EQ(name.back(), '/') << name;
}

TEST(LocalStore, ARemovalThatWasCutOffGoesOn) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 12);
  const auto second = write_version(temp / "set", 2, 12, 20, true);
  const LocalLayout layout(temp / "set");
  std::filesystem::create_directories(layout.work_folder());
  std::filesystem::rename(layout.manifest_path(2), layout.work_folder() + "/removed-2.json");
  LocalStore store(temp / "set");
  EXPECT_EQ(store.versions(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(store.half_removed(), std::vector<std::uint64_t>{2});
  store.remove(2);
  EXPECT_TRUE(store.half_removed().empty());
  store.verify(store.manifest(1), nullptr);
  for (const auto& part : second.parts) {
    const bool is_of_first = part.name.starts_with("data/v1-");
    EXPECT_EQ(std::filesystem::exists(temp / "set/" + part.name), is_of_first) << part.name;
  }
  EXPECT_FALSE(std::filesystem::exists(layout.work_folder()));
}

TEST(LocalStore, ADamagedVersionCanBeRemoved) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 12);
  LocalStore store(temp / "set");
  write_all(temp / "set/versions/1.json", "{}");
  expect_error(ErrorCode::kBadData, {"1.json", "delete the data set"}, [&] { store.manifest(1); });
  store.remove(1);
  EXPECT_TRUE(store.versions().empty());
  for (const auto& [name, bytes] : snapshot(temp / "set")) EXPECT_EQ(name.back(), '/') << name;
  write_version(temp / "set", 1, 0, 12);
  store.verify(store.manifest(1), nullptr);
}

TEST(LocalStore, RemovingADamagedVersionKeepsWhatOthersName) {
  TempFolder temp;
  write_version(temp / "set", 1, 0, 12);
  const auto second = write_version(temp / "set", 2, 12, 20, true);
  const auto third = write_version(temp / "set", 3, 20, 24, true);
  LocalStore store(temp / "set");
  write_all(temp / "set/versions/2.json", "{}");
  store.remove(2);
  store.verify(store.manifest(1), nullptr);
  store.verify(store.manifest(3), nullptr);

  // A damaged version may name anything that was written before it.
  write_all(temp / "set/versions/3.json", "{}");
  const auto before = snapshot(temp / "set/data");
  store.remove(1);
  EXPECT_EQ(snapshot(temp / "set/data"), before);
  store.remove(3);
  for (const auto& [name, bytes] : snapshot(temp / "set")) EXPECT_EQ(name.back(), '/') << name;
}

TEST(LocalStore, RemovingADamagedVersionLeavesFilesOfOthersAlone) {
  TempFolder temp;
  const auto manifest = write_version(temp / "set", 1, 0, 12);
  const auto parts = std::filesystem::path(temp / "set/" + manifest.parts[0].name).parent_path();
  for (const std::string& mine : {parts.string() + "/notes.txt", temp / "set/data/mine.arrow"})
    write_all(mine, "mine");
  auto hostile = manifest;
  hostile.parts[0].name = "../secret";
  write_all(temp / "secret", "mine");
  write_all(temp / "set/versions/1.json", hostile.encode());
  LocalStore store(temp / "set");
  store.remove(1);
  EXPECT_EQ(read_all(temp / "secret"), "mine");
  EXPECT_EQ(read_all(parts.string() + "/notes.txt"), "mine");
  EXPECT_EQ(read_all(temp / "set/data/mine.arrow"), "mine");
  EXPECT_TRUE(store.versions().empty());
}

TEST(LocalStore, WhatCannotBeReadIsNotPublished) {
  TempFolder temp;
  LocalStore store(temp / "set");
  auto intent = intent_of(1);
  intent.schema.columns[0].name = "";
  const auto writer = store.write(intent, nullptr);
  EXPECT_THROW(writer->publish(), Error);
  EXPECT_TRUE(store.versions().empty());
}

}  // namespace
}  // namespace ringfeed::testing
