#include "doctor/data_set.hpp"

#include <arrow/buffer.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ringfeed/dataset.hpp>
#include <ringfeed/feed.hpp>

#include "doctor/doctor.hpp"
#include "errors.hpp"
#include "ingest/memory_source.hpp"
#include "store/local_store.hpp"
#include "temp_folder.hpp"

namespace ringfeed::doctor {
namespace {

using testing::MemorySource;
using testing::TempFolder;

constexpr std::uint32_t kRows = 20;

/// Puts two chunks in files of their own.
std::unique_ptr<VersionWriter> begin_version(const std::string& folder, std::uint64_t fingerprint,
                                             bool append) {
  const MemorySource source({});
  LocalStore store(folder, {.part_bytes = 1});
  auto writer =
      store.write({source.schema(), {"train"}, {fingerprint, 7, 4096, "whole"}, append}, nullptr);
  for (std::int64_t i = 0; i < 2; ++i)
    writer->put("train", std::vector{source.chunk(i * kRows, kRows)}, {});
  return writer;
}

DataSetFacts facts_of(const std::string& folder) {
  return look_at_data_set({.path = folder}, {}, {});
}

TEST(LookAtDataSet, OneThatIsSound) {
  TempFolder temp;
  begin_version(temp / "set", 1, false)->publish();
  const auto facts = facts_of(temp / "set");
  EXPECT_EQ(facts.trouble, "");
  EXPECT_TRUE(facts.is_there);
  EXPECT_FALSE(facts.is_row_table);
  EXPECT_EQ(facts.version, 1U);
  EXPECT_EQ(facts.samples, 2 * kRows);
  EXPECT_EQ(facts.chunks, 2U);
  EXPECT_EQ(facts.parts, 2U);
  EXPECT_TRUE(facts.parts_wrong.empty());
  EXPECT_TRUE(facts.block_seconds);
  EXPECT_TRUE(facts.unfinished.empty());
}

TEST(LookAtDataSet, AFileThatIsCutAndABlockThatIsDamaged) {
  TempFolder temp;
  const auto manifest = begin_version(temp / "set", 1, false)->publish();
  const std::string path = temp / ("set/" + manifest.parts[1].name);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_EQ(facts_of(temp / "set").parts_wrong, std::vector<std::string>{manifest.parts[1].name});
  std::fstream first(temp / ("set/" + manifest.parts[0].name));
  first.seekp(static_cast<std::streamoff>(manifest.parts[0].head.bytes + 100));
  first << "damaged";
  first.close();
  EXPECT_NE(facts_of(temp / "set").block_trouble.find("checksum"), std::string::npos);
}

TEST(LookAtDataSet, AVersionThatIsBeingWrittenAndOneLeftHalfDone) {
  TempFolder temp;
  begin_version(temp / "set", 1, false)->publish();
  auto writer = begin_version(temp / "set", 2, true);
  auto facts = facts_of(temp / "set");
  ASSERT_EQ(facts.unfinished.size(), 1U);
  EXPECT_EQ(facts.unfinished[0].version, 2U);
  EXPECT_TRUE(facts.unfinished[0].may_live);
  EXPECT_NE(facts.unfinished[0].writer.find(std::to_string(::getpid())), std::string::npos);
  writer.reset();
  // As a process that is gone has left it.
  std::string owner;
  std::getline(std::ifstream(temp / "set/.ingest/lock"), owner);
  std::ofstream(temp / "set/.ingest/lock") << "4194999" << owner.substr(owner.find(' '));
  facts = facts_of(temp / "set");
  ASSERT_EQ(facts.unfinished.size(), 1U);
  EXPECT_FALSE(facts.unfinished[0].may_live);
  EXPECT_TRUE(facts.is_there);
  begin_version(temp / "set", 2, true)->publish();
  EXPECT_TRUE(facts_of(temp / "set").unfinished.empty());
}

TEST(LookAtDataSet, NothingIsLeftBehindWhereThereIsNone) {
  TempFolder temp;
  const auto facts = facts_of(temp / "set");
  EXPECT_EQ(facts.trouble, "");
  EXPECT_FALSE(facts.is_there);
  EXPECT_TRUE(std::filesystem::is_empty(temp.path()));
}

TEST(LookAtDataSet, WhatTheFeedOfTheRunWouldHold) {
  TempFolder temp;
  begin_version(temp / "set", 1, false)->publish();
  const auto of = [&](const Wanted& wanted) {
    return look_at_data_set({.path = temp / "set"}, {}, wanted);
  };
  Wanted wanted{.order = {.global_batch = 4}};
  const auto by_default = of(wanted);
  ASSERT_TRUE(by_default.read_ahead);
  const std::uint64_t least = by_default.read_ahead->least;
  EXPECT_EQ(by_default.read_ahead->bytes, std::uint64_t{256} << 20);
  EXPECT_GT(least, 0U);
  wanted.prefetch_bytes = least;
  EXPECT_EQ(of(wanted).read_ahead->bytes, least);
  wanted.prefetch_bytes = least - 1;  // as a feed of it says
  EXPECT_FALSE(of(wanted).read_ahead);
  const auto dataset = Dataset::open(temp / "set");
  FeedOptions options{.order = wanted.order};
  options.prefetch_bytes = least - 1;
  testing::expect_error(ErrorCode::kInvalidArgument, {of(wanted).read_ahead_trouble},
                        [&] { Feed(dataset, options); });
  options.prefetch_bytes = least;
  Feed feed(dataset, options);
  EXPECT_TRUE(feed.next());
  wanted = {.ranks = 5, .order = {.global_batch = 4}};
  EXPECT_NE(of(wanted).read_ahead_trouble.find("5 ranks"), std::string::npos);
  wanted.purpose = Purpose::kRead;
  EXPECT_EQ(of(wanted).read_ahead_trouble, "");
}

TEST(Examine, AUrlOfAFolderHasNoChecksOfACluster) {
  TempFolder temp;
  begin_version(temp / "set", 1, false)->publish();
  const auto findings = examine({.path = temp / "set"}, {.cache_dir = temp / "cache"}, {});
  EXPECT_EQ(findings.front().check, "data set");
  for (const auto& finding : findings) EXPECT_NE(finding.verdict, Verdict::kStop) << finding.value;
  EXPECT_FALSE(std::filesystem::exists(temp / "cache"));
}

}  // namespace
}  // namespace ringfeed::doctor
