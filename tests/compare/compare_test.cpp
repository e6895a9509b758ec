// Duplicates and differences of generated sets, against what a plain count of the samples says.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <ringfeed/compare.hpp>
#include <ringfeed/ingest.hpp>
#include <set>

#include "errors.hpp"
#include "temp_folder.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;
using testing::TempFolder;

/// Samples of a number and of a text that says more of it.
struct Sample {
  std::int64_t key = 0;
  std::string text;
  auto operator<=>(const Sample&) const = default;
};
using Samples = std::vector<Sample>;

class Compare : public ::testing::Test {
 protected:
  std::string url(const std::string& name) const { return folder_ / name; }

  /// Splits train and val, the first half of the samples in train; as they come.
  void write(const std::string& name, const Samples& samples, bool with_splits = true,
             std::vector<std::string> classes = {}) {
    std::vector<std::int64_t> keys;
    std::string texts;
    std::vector<std::int64_t> offsets = {0};
    for (const auto& sample : samples) {
      keys.push_back(sample.key);
      texts += sample.text;
      offsets.push_back(static_cast<std::int64_t>(texts.size()));
    }
    Batch batch;
    batch.size = static_cast<std::int64_t>(samples.size());
    Column key;
    key.name = "key";
    key.dtype = DType::kInt64;
    key.shape = {batch.size};
    key.data = keys.data();
    key.bytes = keys.size() * sizeof(std::int64_t);
    Column text;
    text.name = "text";
    text.kind = ColumnKind::kString;
    text.dtype = DType::kUInt8;
    text.shape = {offsets.back()};
    text.data = texts.data();
    text.bytes = texts.size();
    text.offsets = offsets.data();
    batch.columns = {text, key};
    SourceOptions source_options;
    source_options.batch_rows = 1000;
    if (!classes.empty()) source_options.classes = {{"key", std::move(classes)}};
    bool given = false;
    const auto source = open_batches(
        [&]() -> std::optional<Batch> {
          if (std::exchange(given, true)) return std::nullopt;
          return batch;
        },
        Extent::kWhole, "samples", source_options);
    IngestOptions options;
    options.permute = false;
    options.chunk_bytes = 4096;
    options.overwrite = true;
    if (with_splits) options.splits = {{"train", 0.5}, {"val", 0.5}};
    ingest(*source, *open_store(Url::parse(url(name))), options);
  }

  static Samples numbered(std::int64_t count, std::int64_t first = 0) {
    Samples samples;
    for (std::int64_t i = first; i < first + count; ++i)
      samples.push_back({i, "text of " + std::to_string(i)});
    return samples;
  }

  CompareOptions small() const {
    CompareOptions options;
    options.memory_bytes = 1 << 20;
    options.spill_dir = folder_.path();
    return options;
  }

  Duplicates check(const std::vector<std::string>& names, Across across = Across::kAnything) {
    std::vector<std::string> urls;
    for (const auto& name : names) urls.push_back(url(name));
    return find_duplicates(urls, across, small());
  }
  Differences differences(const std::string& a, const std::string& b, std::string_view key = {}) {
    return diff(url(a), url(b), key, small());
  }

  const TempFolder folder_;
};

TEST_F(Compare, WithoutDuplicatesThereAreNone) {
  write("a.ring", numbered(1000));
  const auto found = check({"a.ring"});
  EXPECT_FALSE(found.found());
  EXPECT_EQ(found.samples, 1000u);
  EXPECT_EQ(found.distinct, 1000u);
  EXPECT_TRUE(found.overlaps.empty());
  EXPECT_TRUE(found.shown.empty());
}

TEST_F(Compare, EachDuplicateIsCountedWhereItIs) {
  Samples samples = numbered(100);
  samples[10] = samples[20] = samples[3];  // within train
  samples[60] = samples[5];                // train and val
  samples[99] = samples[98];               // within val
  write("a.ring", samples);
  const auto found = check({"a.ring"});
  EXPECT_EQ(found.groups, 3u);
  EXPECT_EQ(found.repeated, 4u);
  EXPECT_EQ(found.distinct, 96u);
  const SplitName train{url("a.ring"), "train"};
  const SplitName val{url("a.ring"), "val"};
  ASSERT_EQ(found.shown.size(), 3u);
  EXPECT_EQ(found.shown[0].samples,
            (std::vector<SampleName>{{train, 3}, {train, 10}, {train, 20}}));
  EXPECT_EQ(found.shown[1].samples, (std::vector<SampleName>{{train, 5}, {val, 10}}));
  EXPECT_EQ(found.shown[2].samples, (std::vector<SampleName>{{val, 48}, {val, 49}}));
  std::map<std::pair<std::string, std::string>, std::uint64_t> overlaps;
  for (const auto& each : found.overlaps) overlaps[{each.a.split, each.b.split}] = each.samples;
  EXPECT_EQ(overlaps, (std::map<std::pair<std::string, std::string>, std::uint64_t>{
                          {{"train", "train"}, 2}, {{"train", "val"}, 1}, {{"val", "val"}, 1}}));
  const auto across = check({"a.ring"}, Across::kSplits);
  EXPECT_EQ(across.groups, 1u);
  EXPECT_EQ(across.shown.at(0).samples, found.shown[1].samples);
  EXPECT_EQ(across.overlaps.size(), 1u);
}

TEST_F(Compare, BetweenSetsByTheSameColumnsInAnyOrder) {
  write("a.ring", numbered(300));
  write("b.ring", numbered(300, 290), false);
  const auto found = check({"a.ring", "b.ring"});
  EXPECT_EQ(found.groups, 10u);
  EXPECT_EQ(found.overlaps.size(), 1u);
  EXPECT_EQ(found.overlaps.at(0).a, (SplitName{url("a.ring"), "val"}));
  EXPECT_EQ(found.overlaps.at(0).b, (SplitName{url("b.ring"), "train"}));
}

TEST_F(Compare, WhatCannotBeComparedIsNamed) {
  write("a.ring", numbered(10));
  write("b.ring", {{0, "zero"}, {1, "one"}}, true, {"0", "1"});
  const std::vector<std::string> both = {url("a.ring"), url("b.ring")};
  expect_error(ErrorCode::kInvalidArgument, {"b.ring", "'key' is int64 of 2 classes: 0, 1"},
               [&] { find_duplicates(both, Across::kAnything, small()); });
  auto options = small();
  options.columns = {"text"};
  EXPECT_FALSE(find_duplicates(both, Across::kAnything, options).found());
  options.columns = {"colour"};
  expect_error(ErrorCode::kInvalidArgument, {"colour"},
               [&] { find_duplicates(both, Across::kAnything, options); });
  expect_error(ErrorCode::kInvalidArgument, {"val is named twice"}, [&] {
    find_duplicates({url("a.ring"), url("a.ring") + "?split=val"}, Across::kAnything, small());
  });
  options.memory_bytes = 1000;
  expect_error(ErrorCode::kInvalidArgument, {"memory"},
               [&] { find_duplicates(both, Across::kAnything, options); });
  expect_error(ErrorCode::kNotFound, {"nowhere.ring"},
               [&] { find_duplicates({url("nowhere.ring")}, Across::kAnything, small()); });
}

TEST_F(Compare, ClassesAreTheSameByTheirNames) {
  write("a.ring", {{0, "x"}, {1, "y"}}, false, {"0", "1"});
  write("b.ring", {{0, "x"}, {1, "y"}}, false, {"1", "0"});
  EXPECT_EQ(check({"a.ring", "b.ring"}).groups, 2u);
  const auto found = differences("a.ring", "b.ring");
  EXPECT_EQ(found.added + found.removed, 0u);
  ASSERT_EQ(found.columns.size(), 1u);
  EXPECT_EQ(found.columns[0].a, "int64 of 2 classes: 0, 1");
  EXPECT_EQ(found.columns[0].b, "int64 of 2 classes: 1, 0");
  EXPECT_FALSE(found.none());
}

TEST_F(Compare, AskedToStopItStops) {
  write("a.ring", numbered(10));
  std::stop_source stop;
  stop.request_stop();
  auto options = small();
  options.stop = stop.get_token();
  expect_error(ErrorCode::kCancelled, {"interrupted"},
               [&] { find_duplicates({url("a.ring")}, Across::kAnything, options); });
}

TEST_F(Compare, DifferencesOfVersionsOfOneSet) {
  write("a.ring", numbered(100));
  Samples later = numbered(100);
  later[7].text = "another text";
  later.push_back({1000, "new"});
  later.push_back({1001, "new"});
  later.erase(later.begin() + 30, later.begin() + 32);
  write("a.ring", later);
  const auto found = diff(url("a.ring?version=1"), url("a.ring"), "key", small());
  EXPECT_EQ(found.removed, 2u);
  EXPECT_EQ(found.added, 2u);
  EXPECT_EQ(found.changed, 1u);
  EXPECT_EQ(found.moved, 2u);  // two less before them: they are of the first half now
  const SplitName before{url("a.ring?version=1"), "train"};
  EXPECT_EQ(found.first_removed, (std::vector<SampleName>{{before, 30}, {before, 31}}));
  ASSERT_EQ(found.first_changed.size(), 1u);
  EXPECT_EQ(found.first_changed[0].first, (SampleName{before, 7}));
  EXPECT_EQ(found.first_changed[0].second, (SampleName{{url("a.ring"), "train"}, 7}));
  EXPECT_EQ(found.first_added,
            (std::vector<SampleName>{{{url("a.ring"), "val"}, 48}, {{url("a.ring"), "val"}, 49}}));
  const auto whole = diff(url("a.ring?version=1"), url("a.ring"), {}, small());
  EXPECT_EQ(whole.removed, 3u);
  EXPECT_EQ(whole.added, 3u);
  EXPECT_EQ(whole.changed, 0u);
  EXPECT_EQ(whole.moved, 2u);
  EXPECT_TRUE(diff(url("a.ring"), url("a.ring?version=2"), "key", small()).none());
}

TEST_F(Compare, AKeyThatStandsTwiceIsRefused) {
  Samples samples = numbered(10);
  samples[8].key = 3;
  write("a.ring", samples);
  write("b.ring", numbered(10));
  for (const auto& [a, b] : {std::pair("a.ring", "b.ring"), std::pair("b.ring", "a.ring")}) {
    expect_error(ErrorCode::kInvalidArgument, {"a.ring: samples 3 of train and 3 of val", "'key'"},
                 [&] { differences(a, b, "key"); });
  }
  expect_error(ErrorCode::kInvalidArgument, {"colour"},
               [&] { differences("a.ring", "b.ring", "colour"); });
}

TEST_F(Compare, ColumnsThatDifferComeFirstAndTheOthersAreCompared) {
  write("a.ring", {{0, "x"}, {1, "y"}});
  write("b.ring", {{0, "x"}, {1, "z"}}, true, {"0", "1"});
  const auto found = differences("a.ring", "b.ring");
  ASSERT_EQ(found.columns.size(), 1u);
  EXPECT_EQ(found.columns[0].name, "key");
  EXPECT_EQ(found.compared, std::vector<std::string>{"text"});
  EXPECT_EQ(found.removed, 1u);
  EXPECT_EQ(found.added, 1u);
  auto options = small();
  options.columns = {"key"};
  expect_error(ErrorCode::kInvalidArgument, {"'key' is int64 in the first"},
               [&] { diff(url("a.ring"), url("b.ring"), {}, options); });
}

TEST_F(Compare, CountsAreThoseOfMultisetsForGeneratedSets) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 5; ++round) {
    const std::int64_t kinds = 1 + static_cast<std::int64_t>(random() % 400);
    const auto drawn = [&] {
      Samples samples(2 + random() % 600);
      for (auto& sample : samples) {
        const auto kind = static_cast<std::int64_t>(random()) & INT64_MAX;
        sample = {kind % kinds, std::to_string(kind % kinds)};
      }
      return samples;
    };
    const Samples a = drawn();
    const Samples b = drawn();
    write("a.ring", a);
    write("b.ring", b, false);
    std::map<Sample, std::pair<std::uint64_t, std::uint64_t>> counts;
    for (const auto& sample : a) ++counts[sample].first;
    for (const auto& sample : b) ++counts[sample].second;
    std::uint64_t removed = 0;
    std::uint64_t added = 0;
    for (const auto& [sample, count] : counts) {
      removed += count.first - std::min(count.first, count.second);
      added += count.second - std::min(count.first, count.second);
    }
    const auto found = differences("a.ring", "b.ring");
    EXPECT_EQ(found.removed, removed);
    EXPECT_EQ(found.added, added);
    EXPECT_EQ(found.first_removed.size(), std::min<std::size_t>(removed, 10));
    EXPECT_EQ(found.first_added.size(), std::min<std::size_t>(added, 10));
    const auto duplicates = check({"a.ring", "b.ring"});
    EXPECT_EQ(duplicates.distinct, counts.size());
    EXPECT_EQ(duplicates.repeated, a.size() + b.size() - counts.size());
  }
}

}  // namespace
}  // namespace ringfeed
