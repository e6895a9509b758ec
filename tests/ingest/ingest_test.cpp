#include <arrow/array/util.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <ringfeed/copy.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/ingest.hpp>
#include <ringfeed/maintenance.hpp>
#include <set>

#include "ingest/memory_source.hpp"
#include "process.hpp"
#include "read_back.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::testing {
namespace {

using Source = MemorySource::Options;

IngestResult ingest_into(const std::string& folder, const Source& source_options,
                         const IngestOptions& options) {
  MemorySource source(source_options);
  LocalStore store(folder);
  return ingest(source, store, options);
}

/// Sample numbers of a split in storage order; each sample's content is compared with what it must
/// be.
std::vector<std::int64_t> numbers_in(const std::string& folder, const Manifest& manifest,
                                     std::string_view split, const Source& source_options) {
  LocalStore store(folder);
  MemorySource source(source_options);
  std::vector<std::int64_t> numbers;
  for (const auto& chunk : read_split(store, manifest, split)) {
    for (std::int64_t row = 0; row < chunk->num_rows(); ++row) {
      numbers.push_back(number_of(*chunk, row));
      EXPECT_TRUE(chunk->Slice(row, 1)->Equals(*source.make(numbers.back(), 1)))
          << "sample " << numbers.back();
    }
  }
  return numbers;
}

void expect_error(ErrorCode code, std::string_view part, const std::function<void()>& call) {
  try {
    call();
    ADD_FAILURE() << "no error; expected one with '" << part << "'";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}

TEST(Ingest, EachSampleOnceWithAllItsBytes) {
  for (const bool in_place : {false, true}) {
    for (const std::int64_t samples : {1, 2, 36, 37, 38, 1000, 5003}) {
      TempFolder temp;
      const Source source{.samples = samples, .in_place = in_place};
      const auto result = ingest_into(temp / "set", source, {.chunk_bytes = 4096});
      EXPECT_FALSE(result.unchanged);
      EXPECT_EQ(result.manifest.origin.permutation, "whole");
      const auto numbers = numbers_in(temp / "set", result.manifest, "train", source);
      ASSERT_EQ(numbers.size(), static_cast<std::size_t>(samples));
      const std::set<std::int64_t> distinct(numbers.begin(), numbers.end());
      EXPECT_EQ(distinct.size(), numbers.size());
      EXPECT_EQ(*distinct.rbegin(), samples - 1);
      if (samples > 100) {
        EXPECT_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
      }
    }
  }
}

TEST(Ingest, BytesAreAFunctionOfSourceSeedAndOptions) {
  TempFolder temp;
  ingest_into(temp / "a", {.samples = 3000, .batch_rows = 37}, {.seed = 1, .chunk_bytes = 4096});
  // Other cuts into batches, other thread timing, another folder.
  ingest_into(temp / "b", {.samples = 3000, .batch_rows = 1000}, {.seed = 1, .chunk_bytes = 4096});
  ingest_into(temp / "c", {.samples = 3000, .batch_rows = 37}, {.seed = 2, .chunk_bytes = 4096});
  EXPECT_EQ(snapshot(temp / "a"), snapshot(temp / "b"));
  EXPECT_NE(snapshot(temp / "a"), snapshot(temp / "c"));
}

TEST(Ingest, SplitsAreExact) {
  TempFolder temp;
  const Source source{.samples = 1797};
  const auto result =
      ingest_into(temp / "set", source,
                  {.splits = {{"train", 0.7}, {"val", 0.2}, {"test", 0.1}}, .chunk_bytes = 4096});
  const auto infos = result.manifest.split_infos();
  ASSERT_EQ(infos.size(), 3u);
  EXPECT_EQ(infos[0].samples, 1258u);  // 1257.9
  EXPECT_EQ(infos[1].samples, 359u);   // 359.4
  EXPECT_EQ(infos[2].samples, 180u);   // 179.7
  std::set<std::int64_t> all;
  for (const auto& info : infos) {
    for (const auto number : numbers_in(temp / "set", result.manifest, info.name, source)) {
      EXPECT_TRUE(all.insert(number).second) << number << " is in two splits";
    }
  }
  EXPECT_EQ(all.size(), 1797u);
}

TEST(Ingest, StratifiedSplitsHaveEachValueInProportion) {
  for (const auto* column : {"label", "text", "flag"}) {
    TempFolder temp;
    Source source{.samples = 2000};
    source.label_of = [](std::int64_t i) { return i < 1000 ? 7 : i % 3; };
    const auto result = ingest_into(temp / "set", source,
                                    {.splits = {{"train", 0.8}, {"val", 0.2}},
                                     .stratify = column,
                                     .seed = 5,
                                     .chunk_bytes = 4096});
    const auto value_of = [&](std::int64_t i) {
      if (std::string_view(column) == "label") return source.label_of(i);
      return std::string_view(column) == "text" ? i % 11 : i % 2;
    };
    std::map<std::int64_t, double> all;
    for (std::int64_t i = 0; i < 2000; ++i) ++all[value_of(i)];
    std::map<std::int64_t, double> val;
    const auto numbers = numbers_in(temp / "set", result.manifest, "val", source);
    EXPECT_EQ(numbers.size(), 400u);
    for (const auto number : numbers) ++val[value_of(number)];
    for (const auto& [value, count] : all)
      EXPECT_LT(std::abs(val[value] - 0.2 * count), 1.0) << column << " " << value;
    EXPECT_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
  }
}

TEST(Ingest, ASpillThatIsTooSmallCutsSegments) {
  TempFolder temp;
  Source source{.samples = 40, .batch_rows = 7};
  source.text_of = [](std::int64_t i) {
    return std::string(100'000, static_cast<char>('a' + i % 26));
  };
  const IngestOptions options{
      .splits = {{"train", 0.75}, {"val", 0.25}}, .spill_bytes = 1 << 20, .spill_dir = temp.path()};
  const auto result = ingest_into(temp / "set", source, options);
  EXPECT_EQ(result.manifest.origin.permutation, "segments");
  auto train = numbers_in(temp / "set", result.manifest, "train", source);
  const auto val = numbers_in(temp / "set", result.manifest, "val", source);
  EXPECT_EQ(train.size(), 30u);
  EXPECT_EQ(val.size(), 10u);
  // Ten samples of 100 KB are a segment: the first samples of the split come from it.
  for (std::size_t i = 0; i < 7; ++i) EXPECT_LT(train[i], 10);
  train.insert(train.end(), val.begin(), val.end());
  EXPECT_EQ(std::set<std::int64_t>(train.begin(), train.end()).size(), 40u);

  // The cut does not depend on how the source cuts its batches.
  source.batch_rows = 3;
  ingest_into(temp / "again", source, options);
  EXPECT_EQ(snapshot(temp / "set"), snapshot(temp / "again"));
  // Nothing of the spill is left.
  EXPECT_EQ(names_in(temp.path()), (std::vector<std::string>{"again", "set"}));
}

TEST(Ingest, ChunksAimAtTheirSize) {
  TempFolder temp;
  Source source{.samples = 3000};
  source.text_of = [](std::int64_t i) {
    return std::string(static_cast<std::size_t>(i % 301), 'x');
  };
  const auto result = ingest_into(temp / "set", source, {.chunk_bytes = 65536});
  std::size_t chunks = 0;
  for (const auto& part : result.manifest.parts) {
    for (const auto bytes : part.chunk_bytes) {
      EXPECT_LE(bytes, 65536 + 2048u);
      ++chunks;
      if (chunks < 8) {
        EXPECT_GE(bytes, 55000u);
      }
    }
  }
  EXPECT_GT(chunks, 8u);
}

TEST(Ingest, TheSameAgainIsUnchanged) {
  TempFolder temp;
  ingest_into(temp / "set", {.samples = 100}, {});
  const auto before = snapshot(temp / "set");
  const auto again = ingest_into(temp / "set", {.samples = 100}, {});
  EXPECT_TRUE(again.unchanged);
  EXPECT_EQ(again.manifest.version, 1u);
  EXPECT_EQ(snapshot(temp / "set"), before);
  expect_error(ErrorCode::kConflict, "IngestOptions::append",
               [&] { ingest_into(temp / "set", {.samples = 100, .fingerprint = 2}, {}); });
  EXPECT_EQ(snapshot(temp / "set"), before);
}

TEST(Ingest, AppendMakesANewVersionOfOldAndNewSamples) {
  TempFolder temp;
  const Source all{.samples = 150};
  const IngestOptions first{.splits = {{"train", 0.8}, {"val", 0.2}}};
  ingest_into(temp / "set", {.samples = 100}, first);
  IngestOptions second = {.splits = {{"train", 0.5}, {"test", 0.5}}, .append = true};
  const auto result =
      ingest_into(temp / "set", {.samples = 50, .fingerprint = 2, .first = 100}, second);
  EXPECT_EQ(result.manifest.version, 2u);
  EXPECT_EQ(result.manifest.splits, (std::vector<std::string>{"train", "val", "test"}));
  std::set<std::int64_t> numbers;
  std::size_t count = 0;
  for (const auto& split : result.manifest.splits) {
    for (const auto number : numbers_in(temp / "set", result.manifest, split, all)) {
      numbers.insert(number);
      ++count;
    }
  }
  EXPECT_EQ(count, 150u);
  EXPECT_EQ(numbers.size(), 150u);
  EXPECT_TRUE(
      ingest_into(temp / "set", {.samples = 50, .fingerprint = 2, .first = 100}, second).unchanged);
}

// A new version of other samples and other columns; whoever reads the one before goes on.
TEST(Ingest, OverwriteMakesANewVersionOfTheNewSamplesAlone) {
  TempFolder temp;
  const auto set = temp / "set";
  const Source first{.samples = 100};
  const Source second{.samples = 50, .fingerprint = 2, .first = 100};
  const auto before = ingest_into(set, first, {});
  const IngestOptions overwrite{.splits = {{"all", 1.0}}, .overwrite = true};
  const auto result = ingest_into(set, second, overwrite);
  EXPECT_EQ(result.manifest.version, 2u);
  EXPECT_EQ(result.manifest.splits, std::vector<std::string>{"all"});
  EXPECT_EQ(numbers_in(set, result.manifest, "all", second).size(), 50u);
  EXPECT_EQ(numbers_in(set, before.manifest, "train", first).size(), 100u);
  const auto files = snapshot(set);
  EXPECT_TRUE(ingest_into(set, second, overwrite).unchanged);
  EXPECT_EQ(snapshot(set), files);
  // What was added to others is another version than the same samples alone.
  ingest_into(set, {.samples = 7, .fingerprint = 3, .first = 200},
              {.splits = {{"all", 1.0}}, .append = true});
  const auto alone = ingest_into(set, {.samples = 7, .fingerprint = 3, .first = 200}, overwrite);
  EXPECT_FALSE(alone.unchanged);
  EXPECT_EQ(alone.manifest.version, 4u);
  EXPECT_EQ(alone.manifest.split_infos()[0].samples, 7u);
  expect_error(ErrorCode::kInvalidArgument,
               "choose IngestOptions::append or IngestOptions::overwrite",
               [&] { ingest_into(set, second, {.append = true, .overwrite = true}); });
  expect_error(ErrorCode::kConflict, "IngestOptions::overwrite",
               [&] { ingest_into(set, second, {}); });
  // Each version has files of its own.
  LocalStore(set).remove(1);
  LocalStore(set).remove(4);
  EXPECT_EQ(numbers_in(set, result.manifest, "all", second).size(), 50u);
  EXPECT_EQ(LocalStore(set).versions(), (std::vector<std::uint64_t>{2, 3}));
}

TEST(Ingest, WithoutAPermutationEachSplitIsInTheOrderOfTheSource) {
  for (const std::uint64_t spill : {std::uint64_t{1} << 20, std::uint64_t{1} << 30}) {
    TempFolder temp;
    const Source source{.samples = 30'000};
    const IngestOptions options{.splits = {{"train", 0.8}, {"val", 0.2}},
                                .chunk_bytes = 4096,
                                .spill_bytes = spill,
                                .permute = false};
    const auto result = ingest_into(temp / "set", source, options);
    EXPECT_EQ(result.manifest.origin.permutation, "none");
    const auto train = numbers_in(temp / "set", result.manifest, "train", source);
    const auto val = numbers_in(temp / "set", result.manifest, "val", source);
    EXPECT_EQ(train.size(), 24'000u);
    EXPECT_TRUE(std::is_sorted(train.begin(), train.end()));
    EXPECT_TRUE(std::is_sorted(val.begin(), val.end()));
    if (spill == std::uint64_t{1} << 30) {
      EXPECT_EQ(train.back(), 23'999);
    }
    EXPECT_TRUE(ingest_into(temp / "set", source, options).unchanged);
  }
}

TEST(Ingest, NanIsNotedInTheManifestKeptByAppendAndCopyAndCountedByVerify) {
  TempFolder temp;
  write_all(temp / "a.csv", "x,y\n1.5,1\nnan,2\n-inf,3\n");
  write_all(temp / "b.csv", "x,y\n2.5,4\n");
  const auto set = temp / "set";
  const auto run = [&](const std::string& name, bool allow_nan, bool append) {
    SourceOptions options;
    options.allow_nan = allow_nan;
    LocalStore store(set);
    return ingest(*open_source({temp / name}, options), store, {.append = append}).manifest;
  };
  expect_error(ErrorCode::kBadData, "a.csv:3: column 'x'", [&] { run("a.csv", false, false); });
  EXPECT_TRUE(run("a.csv", true, false).origin.allow_nan);
  EXPECT_EQ(verify(set).not_finite, 2u);
  EXPECT_TRUE(run("b.csv", false, true).origin.allow_nan) << "the first part has them still";
  EXPECT_EQ(verify(set + "?version=2").not_finite, 2u);
  expect_error(ErrorCode::kBadData, "a.csv:3", [&] { run("a.csv", false, true); });
  EXPECT_TRUE(copy(set, temp / "copy", {}).manifest.origin.allow_nan);
  EXPECT_EQ(verify(temp / "copy").not_finite, 2u);
  ingest_into(temp / "plain", {.samples = 10}, {});
  EXPECT_EQ(verify(temp / "plain").not_finite, std::nullopt);
}

TEST(Ingest, WhatIsAppendedHasTheClassesOfTheDataSet) {
  TempFolder temp;
  write_all(temp / "a.csv", "s\ncat\ndog\n");
  write_all(temp / "b.csv", "s\ndog\n");
  write_all(temp / "c.csv", "s\neel\n");
  LocalStore store(temp / "set");
  const auto run = [&](const std::string& name, bool append) {
    SourceOptions options;
    if (append)
      take_classes(options, store);
    else
      options.classes = {{"s"}};
    return ingest(*open_source({temp / name}, options), store, {.append = append}).manifest;
  };
  const std::vector<std::string> names = {"cat", "dog"};
  EXPECT_EQ(run("a.csv", false).schema.columns[0].classes, names);
  const auto second = run("b.csv", true);
  EXPECT_EQ(second.schema.columns[0].classes, names);
  EXPECT_EQ(second.range(0)->most, 1);
  EXPECT_EQ(second.parts[1].ranges[0].least, 1);
  EXPECT_GT(verify(temp / "set").bytes, 0u);
  expect_error(ErrorCode::kBadData, "'eel' is none of the classes cat, dog",
               [&] { run("c.csv", true); });
  SourceOptions unnamed;
  unnamed.classes = {{"s"}};
  take_classes(unnamed, store);
  ASSERT_EQ(unnamed.classes.size(), 1u);
  EXPECT_EQ(unnamed.classes[0].names, names);
  SourceOptions others;
  others.classes = {{"s", {"dog", "eel"}}};
  take_classes(others, store);
  EXPECT_EQ(others.classes.size(), 1u);
  expect_error(ErrorCode::kInvalidArgument, "column s has other classes",
               [&] { ingest(*open_source({temp / "c.csv"}, others), store, {.append = true}); });
}

TEST(Ingest, AStopPublishesNothingAndTheNextRunGoesOn) {
  TempFolder temp;
  ingest_into(temp / "expected", {.samples = 2000}, {.chunk_bytes = 4096});
  std::stop_source stop;
  IngestOptions options{.chunk_bytes = 4096};
  options.stop = stop.get_token();
  options.progress = [&](const IngestProgress& progress) {
    if (progress.stage == "writing" && progress.done > 1000) stop.request_stop();
  };
  expect_error(ErrorCode::kCancelled, "the same again goes on",
               [&] { ingest_into(temp / "set", {.samples = 2000}, options); });
  EXPECT_TRUE(LocalStore(temp / "set").versions().empty());
  ingest_into(temp / "set", {.samples = 2000}, {.chunk_bytes = 4096});
  EXPECT_EQ(snapshot(temp / "set"), snapshot(temp / "expected"));
}

TEST(Ingest, ATryThatFailsEarlyKeepsWhatEarlierOnesStored) {
  TempFolder temp;
  const auto run = [&](std::string_view stage, std::string_view step) {
    MemorySource source({.samples = 2000});
    LocalStore store(temp / "set", {.part_bytes = 10000});
    IngestOptions options{.chunk_bytes = 4096};
    options.progress = [&](const IngestProgress& progress) {
      if (progress.stage == stage && progress.done > 1000)
        throw Error(ErrorCode::kCancelled, "now");
    };
    options.on_step = [&](std::string_view each) {
      if (each == step) throw Error(ErrorCode::kCancelled, "now");
    };
    ingest(source, store, options);
  };
  expect_error(ErrorCode::kCancelled, "now", [&] { run("writing", ""); });
  const auto before = snapshot(temp / "set/data");
  EXPECT_GT(before.size(), 5u);
  expect_error(ErrorCode::kCancelled, "now", [&] { run("", "lock"); });
  expect_error(ErrorCode::kCancelled, "now", [&] { run("", "spill"); });
  EXPECT_EQ(snapshot(temp / "set/data"), before);
  EXPECT_TRUE(std::filesystem::exists(temp / "set/.ingest/journal.jsonl"));
  run("", "");
  EXPECT_FALSE(std::filesystem::exists(temp / "set/.ingest"));
}

TEST(Ingest, AFailureThatStoredNothingLeavesNothing) {
  TempFolder temp;
  Source source{.samples = 100};
  source.text_of = [](std::int64_t i) { return std::string(i == 90 ? (8 << 20) + 1 : 1, 'x'); };
  expect_error(ErrorCode::kBadData, "record 91",
               [&] { ingest_into(temp / "deep/set", source, {.spill_dir = temp.path()}); });
  EXPECT_EQ(names_in(temp / "deep"), std::vector<std::string>());
}

TEST(Ingest, ColumnsThatNoReaderTakesAreRefusedBeforeAnythingIsWritten) {
  class Renamed final : public ringfeed::Source {
   public:
    explicit Renamed(std::string name) : schema_(source_.schema()) {
      schema_.columns[1].name = std::move(name);
    }
    const Schema& schema() const override { return schema_; }
    std::shared_ptr<arrow::RecordBatch> next() override { return source_.next(); }
    bool in_place() const override { return false; }
    std::uint64_t fingerprint() override { return 1; }
    std::uint64_t bytes_total() const override { return 0; }
    std::uint64_t bytes_read() const override { return 0; }
    std::uint64_t rejected() const override { return 0; }

   private:
    MemorySource source_{{}};
    Schema schema_;
  };
  TempFolder temp;
  for (const auto& name : {std::string(), std::string(1025, 'n')}) {
    Renamed source(name);
    LocalStore store(temp / "set");
    expect_error(ErrorCode::kBadData, "column 2", [&] { ingest(source, store, {}); });
    EXPECT_TRUE(names_in(temp.path()).empty());
  }
}

TEST(Ingest, RefusesWhatCannotBe) {
  TempFolder temp;
  const Source source{.samples = 10};
  const auto refuse = [&](ErrorCode code, std::string_view part, const IngestOptions& options) {
    expect_error(code, part, [&] { ingest_into(temp / "set", source, options); });
    EXPECT_TRUE(names_in(temp.path()).empty());
  };
  refuse(ErrorCode::kInvalidArgument, "chunk_bytes", {.chunk_bytes = 4095});
  refuse(ErrorCode::kInvalidArgument, "chunk_bytes", {.chunk_bytes = (8 << 20) + 1});
  refuse(ErrorCode::kInvalidArgument, "spill_bytes", {.spill_bytes = 1});
  refuse(ErrorCode::kInvalidArgument, "unknown column 'nothing'", {.stratify = "nothing"});
  refuse(ErrorCode::kInvalidArgument, "float32", {.stratify = "image"});
  refuse(ErrorCode::kInvalidArgument, "list<int16>", {.stratify = "tags"});
  refuse(ErrorCode::kInvalidArgument, "add up", {.splits = {{"train", 0.5}, {"val", 0.4}}});
  refuse(ErrorCode::kBadData, "'val'", {.splits = {{"train", 0.99}, {"val", 0.01}}});
  refuse(ErrorCode::kNotFound, "append", {.append = true});
  refuse(ErrorCode::kNotFound, "nowhere", {.spill_dir = temp / "nowhere"});
  expect_error(ErrorCode::kBadData, "there is no sample",
               [&] { ingest_into(temp / "set", {.samples = 0}, {}); });
  EXPECT_TRUE(names_in(temp.path()).empty());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which take terabytes
/// Samples of one byte in one array, that is given again and again.
class Bytes final : public ringfeed::Source {
 public:
  static constexpr std::int64_t kRows = std::int64_t{1} << 24;

  explicit Bytes(int batches) : batches_(batches) {
    schema_.columns = {{"byte", ColumnKind::kTensor, DType::kUInt8, {}}};
    batch_ = arrow::RecordBatch::Make(
        schema_.to_arrow(), kRows,
        {arrow::MakeArrayFromScalar(arrow::UInt8Scalar(7), kRows).ValueOrDie()});
  }

  const Schema& schema() const override { return schema_; }
  std::shared_ptr<arrow::RecordBatch> next() override { return batches_-- > 0 ? batch_ : nullptr; }
  bool in_place() const override { return true; }
  std::uint64_t fingerprint() override { return 1; }
  std::uint64_t bytes_total() const override { return 0; }
  std::uint64_t bytes_read() const override { return 0; }
  std::uint64_t rejected() const override { return 0; }

 private:
  int batches_;
  Schema schema_;
  std::shared_ptr<arrow::RecordBatch> batch_;
};

TEST(Ingest, MoreSamplesThanThereIsMemoryForTheirOrderAreToBeStoredInParts) {
  TempFolder temp;
  const auto child = run_forked([&] {
    limit_address_space(std::uint64_t{1} << 30);
    Bytes source(64);  // whose order takes 4 GiB
    LocalStore store(temp / "set.ring");
    try {
      ingest(source, store, {});
    } catch (const Error& error) {
      std::printf("%s", error.what());
      return error.code() == ErrorCode::kNoSpace ? 0 : 1;
    }
    return 2;
  });
  EXPECT_EQ(child.exit_code, 0) << child.output;
  EXPECT_NE(child.output.find("1073741824 samples takes 4096 MiB"), std::string::npos);
  EXPECT_NE(child.output.find("then the rest with"), std::string::npos) << child.output;
  EXPECT_TRUE(LocalStore(temp / "set.ring").versions().empty());
}
#endif

}  // namespace
}  // namespace ringfeed::testing
