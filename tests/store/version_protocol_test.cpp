// Writing a version with trouble at every operation: killed before, amid and behind it, with an
// error, with a lost answer. Whatever happens, a reader sees a whole version or none, and the same
// ingest again ends in the very bytes of one without trouble.
#include "store/version_protocol.hpp"

#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "dataset/ranges.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "store/memory_backend.hpp"

namespace ringfeed::testing {
namespace {

constexpr std::uint64_t kPartBytes = 5'000;
constexpr std::int64_t kRows = 20;

/// One ingest: chunks [first, end) of kRows samples, every third of them in the split val.
struct Task {
  std::int64_t first = 0;
  std::int64_t end = 14;
  bool append = false;
  bool keeps_parts = false;  ///< a part begins with every second chunk
  bool apart = false;        ///< column 0 is stored apart
};

/// Every chunk of the tests, encoded once.
const Chunk& chunk_at(std::int64_t i) {
  static std::map<std::int64_t, Chunk> chunks;
  const auto found = chunks.find(i);
  if (found != chunks.end()) return found->second;
  return chunks.emplace(i, MemorySource({}).chunk(i * kRows, kRows)).first->second;
}

WriteIntent intent_of(const Task& task) {
  WriteIntent intent{MemorySource({}).schema(),
                     {"train", "val"},
                     {static_cast<std::uint64_t>(1 + task.first), 7, 4096, "whole"},
                     task.append};
  if (task.apart) intent.groups = {{0}, {1, 2, 3, 4, 5}};
  return intent;
}

/// A chunk for each column group.
std::vector<Chunk> chunks_at(std::int64_t i, const std::vector<ColumnPlaces>& groups) {
  if (groups.size() == 1) return {chunk_at(i)};
  std::vector<Chunk> chunks;
  for (const auto& group : groups) {
    chunks.emplace_back(
        chunk_at(i).columns()->SelectColumns({group.begin(), group.end()}).ValueOrDie(),
        std::make_shared<const Schema>(MemorySource({}).schema().only(group)));
  }
  return chunks;
}

/// Returns what came out. Throws what the trouble throws.
Manifest write(MemoryDisk& disk, const Task& task, const MemoryFault& fault,
               std::uint64_t& operations) {
  operations = 0;
  const Schema schema = MemorySource({}).schema();
  VersionProtocol writer(std::make_unique<MemoryBackend>(disk, fault, operations), kPartBytes,
                         intent_of(task));
  if (writer.published()) return writer.publish();
  std::uint64_t number = 0;
  for (const bool val : {false, true}) {
    for (std::int64_t i = task.first; i < task.end; ++i) {
      if ((i % 3 == 2) != val) continue;
      if (task.keeps_parts && number % 2 == 0) writer.begin_part();
      if (writer.has_row_group(number++)) continue;
      writer.put(val ? "val" : "train", chunks_at(i, writer.groups()),
                 ranges_of(*chunk_at(i).columns(), schema));
    }
  }
  return writer.publish();
}

/// Of a try that may come to no end.
void try_to_write(MemoryDisk& disk, const Task& task, const MemoryFault& fault) {
  std::uint64_t operations = 0;
  try {
    write(disk, task, fault, operations);
  } catch (const Killed&) {
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable) << error.what();
  }
}

MemoryDisk without_trouble(MemoryDisk disk, const Task& task, std::uint64_t& operations) {
  write(disk, task, {}, operations);
  return disk;
}

/// Each version that can be seen is whole, and one of those that are meant.
void expect_whole(const MemoryDisk& disk, const MemoryDisk& expected) {
  for (const auto& [version, text] : disk.manifests) {
    EXPECT_TRUE(expected.manifests.contains(version) && expected.manifests.at(version) == text);
    EXPECT_EQ(disk.damage_of(disk.manifest(version)), "");
  }
}

/// Calls with every fault of a try with so many operations.
void at_each(std::uint64_t operations, const std::function<void(const MemoryFault&)>& call) {
  for (std::uint64_t operation = 0; operation < operations; ++operation) {
    for (const auto trouble : kTroubles) {
      SCOPED_TRACE(std::to_string(operation) + ": " + std::to_string(static_cast<int>(trouble)));
      call({operation, trouble});
      if (::testing::Test::HasFailure()) return;
    }
  }
}

void expect_exact_whatever_happens(const MemoryDisk& before, const Task& task) {
  std::uint64_t operations = 0;
  const MemoryDisk expected = without_trouble(before, task, operations);
  ASSERT_GT(operations, 20u);
  std::set<std::size_t> recovered;  // how many parts were found by the next try
  at_each(operations, [&](const MemoryFault& fault) {
    MemoryDisk disk = before;
    try_to_write(disk, task, fault);
    expect_whole(disk, expected);
    recovered.insert(disk.journal.size());
    std::uint64_t again = 0;
    write(disk, task, {}, again);
    EXPECT_EQ(disk, expected);
    write(disk, task, {}, again);
    EXPECT_EQ(again, 0u) << "what is published is written again";
  });
  EXPECT_GT(recovered.size(), 3u);
}

TEST(VersionProtocol, IsExactWithTroubleAtEachOperation) { expect_exact_whatever_happens({}, {}); }

TEST(VersionProtocol, AnAppendIsExactWithTroubleAtEachOperation) {
  std::uint64_t operations = 0;
  expect_exact_whatever_happens(without_trouble({}, {}, operations),
                                {.first = 14, .end = 30, .append = true});
}

TEST(VersionProtocol, ACopyIsExactWithTroubleAtEachOperation) {
  expect_exact_whatever_happens({}, {.keeps_parts = true});
}

TEST(VersionProtocol, ColumnGroupsAreExactWithTroubleAtEachOperation) {
  expect_exact_whatever_happens({}, {.end = 6, .apart = true});
  MemoryDisk disk;
  std::uint64_t operations = 0;
  const Manifest manifest = write(disk, {.end = 6, .apart = true}, {}, operations);
  EXPECT_EQ(manifest.groups, (std::vector<ColumnPlaces>{{0}, {1, 2, 3, 4, 5}}));
  EXPECT_EQ(manifest.rows, (std::vector<std::vector<std::uint32_t>>{{20, 20, 20, 20}, {20, 20}}));
  for (const auto& part : manifest.parts) {
    EXPECT_EQ(part.ranges.empty(), part.group == 0) << part.name;  // the label is in the other one
  }
}

TEST(VersionProtocol, IsExactWithTroubleTwice) {
  const Task task{.end = 3};
  std::uint64_t operations = 0;
  const MemoryDisk expected = without_trouble({}, task, operations);
  at_each(operations, [&](const MemoryFault& first) {
    MemoryDisk once;
    try_to_write(once, task, first);
    // The second try may have some operations more, or fewer.
    at_each(operations + 2, [&](const MemoryFault& second) {
      MemoryDisk disk = once;
      try_to_write(disk, task, second);
      expect_whole(disk, expected);
      std::uint64_t again = 0;
      write(disk, task, {}, again);
      EXPECT_EQ(disk, expected);
    });
  });
}

TEST(VersionProtocol, AnotherIngestTakesNothingOfOneThatWasCutOff) {
  const Task other{.first = 20, .end = 30};
  std::uint64_t operations = 0;
  const MemoryDisk expected = without_trouble({}, other, operations);
  without_trouble({}, {}, operations);
  at_each(operations, [&](const MemoryFault& fault) {
    MemoryDisk disk;
    try_to_write(disk, {}, fault);
    if (!disk.manifests.empty()) return;  // it came to its end
    write(disk, other, {}, operations);
    EXPECT_EQ(disk, expected);
  });
}

TEST(VersionProtocol, WhoeverComesWhileOneWritesIsToldAndChangesNothing) {
  MemoryDisk disk;
  std::uint64_t operations = 0;
  {
    VersionProtocol writer(std::make_unique<MemoryBackend>(disk, MemoryFault{}, operations),
                           kPartBytes, intent_of({}));
    writer.put("train", {&chunk_at(0), 1}, {});
    const MemoryDisk before = disk;
    for (const Task& task : {Task{}, Task{.first = 20, .end = 30}}) {
      std::uint64_t others = 0;
      expect_error(ErrorCode::kConflict, {"another writer"},
                   [&] { write(disk, task, {}, others); });
      EXPECT_EQ(disk, before);
    }
    expect_error(ErrorCode::kInternal, {"split 'test', which was not announced"},
                 [&] { writer.put("test", {&chunk_at(1), 1}, {}); });
  }
  EXPECT_EQ(disk, MemoryDisk()) << "a writer that gave up left something";
}

/// Publishes in between: what the second look at the versions is for.
class Overtaken final : public VersionBackend {
 public:
  Overtaken(MemoryDisk& disk, std::uint64_t& operations)
      : disk_(disk), inner_(disk, {}, operations) {}
  VersionPlan plan(const WriteIntent& intent) override { return inner_.plan(intent); }
  void look_at_published(const VersionPlan& plan) override { inner_.look_at_published(plan); }
  void begin(const VersionPlan& plan) override {
    std::uint64_t others = 0;
    write(disk_, {}, {}, others);
    inner_.begin(plan);
  }
  void abandon() override { inner_.abandon(); }
  std::vector<RowRun> recover(Manifest& manifest) override { return inner_.recover(manifest); }
  void open(Part& part, std::uint64_t in_split, std::uint64_t first_row_group) override {
    inner_.open(part, in_split, first_row_group);
  }
  void append(const Part& part, const Chunk& chunk) override { inner_.append(part, chunk); }
  void seal(RowRun& run) override { inner_.seal(run); }
  void publish(const Manifest& manifest) override { inner_.publish(manifest); }

 private:
  MemoryDisk& disk_;
  MemoryBackend inner_;
};

TEST(VersionProtocol, AVersionThatAnotherOnePublishedJustBeforeIsTaken) {
  MemoryDisk disk;
  std::uint64_t operations = 0;
  const MemoryDisk expected = without_trouble({}, {}, operations);
  VersionProtocol writer(std::make_unique<Overtaken>(disk, operations), kPartBytes, intent_of({}));
  EXPECT_TRUE(writer.published());
  EXPECT_EQ(writer.publish(), expected.manifest(1));
  EXPECT_EQ(disk, expected);
}

}  // namespace
}  // namespace ringfeed::testing
