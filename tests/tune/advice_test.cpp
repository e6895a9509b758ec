// What is said of planted figures.
#include "tune/advice.hpp"

#include <gtest/gtest.h>

#include "planted.hpp"

namespace ringfeed::tune {
namespace {

AdviceFacts facts(const std::string& limit) {
  return {.start = planted_start(),
          .chosen = {.settings = planted_start(), .prediction = {.limit = limit}},
          .blocks = 1000,
          .bytes = 1000 * kMiB,
          .is_cassandra = true};
}

std::string told(const Measured& measured, const AdviceFacts& facts) {
  std::string text;
  for (const auto& line : advice(measured, facts)) text += line + "\n";
  return text;
}

void expect_one(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Advice, NothingOfTheStoreWhereItIsNotTheLimit) {
  EXPECT_EQ(told(planted(), facts("model")), "");
  auto local = facts("store");
  local.is_cassandra = false;
  EXPECT_EQ(told(planted(), local), "");
}

TEST(Advice, ACacheLargerBlocksAndAnotherLayout) {
  auto slow = facts("store");
  expect_one(told(planted(), slow), "keeps 1000 MiB on a disk");
  slow.is_cached = true;
  EXPECT_EQ(told(planted(), slow), "");
  Measured small = planted();
  small.block_bytes = 4096;
  expect_one(told(small, slow),
             "blocks of 4 KiB are small: with an ingest and IngestOptions::chunk_bytes");
  slow.is_row_table = true;
  expect_one(told(small, slow), "with attach() and AttachOptions::block_bytes");
  expect_one(told(planted(), slow), "copy() makes a packed data set");
  EXPECT_EQ(told(planted(), facts("check")), told(planted(), facts("store")));
}

TEST(Advice, ReplicationAndConsistency) {
  auto slow = facts("store");
  slow.is_cached = true;
  slow.replicas = Replicas{.nodes = 3, .copies = 3};
  EXPECT_EQ(told(planted(), slow), "");
  slow.replicas->copies = 1;
  expect_one(told(planted(), slow), "each block is on 1 of 3 nodes");
  slow.replicas = Replicas{.nodes = 1, .copies = 1};
  EXPECT_EQ(told(planted(), slow), "");
  slow.read = Consistency::kQuorum;
  expect_one(told(planted(), slow), "reads at QUORUM wait for several copies");
  expect_one(told(planted(), slow), "carry checksums");
  slow.is_row_table = true;
  expect_one(told(planted(), slow), "may be an old one");
}

TEST(Advice, ABatchThatTheModelIsFasterOverIsToldAndNotTaken) {
  Measured measured = planted();
  measured.batches = {{64, 1e-3}, {128, 6e-4}, {256, 5e-4}};
  expect_one(told(measured, facts("model")),
             "1000 samples/s in batches of 64, and 2000 in those of 256");
  EXPECT_EQ(told(measured, facts("store")).find("batches of"), std::string::npos);
  measured.batches[1].seconds = measured.batches[2].seconds = 9.5e-4;
  EXPECT_EQ(told(measured, facts("model")), "");
}

TEST(Advice, AnotherOrderIsToldWithHowWellItMixes) {
  auto far = facts("model");
  far.other_order = far.chosen;
  far.other_order->settings.lanes = 16;
  far.other_order->settings.window = 1;
  const std::string text = told(planted(), far);
  expect_one(text,
             "samples of 16 blocks, drawn from 1.6 % of the data set (now samples of 64 blocks, "
             "drawn from 12.8 % of the data set)");
  expect_one(text, "--tune-order");
}

TEST(Advice, OneProcessWithManyDevices) {
  auto one = facts("model");
  one.start.data_parallel = true;
  expect_one(told(planted(), one), "ddp");
}

TEST(ShuffleQuality, AreLanesWindowsAndBlocks) {
  Settings settings = planted_start();
  settings.lanes = 8;
  settings.window = 4;
  EXPECT_EQ(shuffle_quality(settings, 100).blocks_of_batch, 8U);
  EXPECT_DOUBLE_EQ(shuffle_quality(settings, 100).mixed_share, 0.32);
  EXPECT_DOUBLE_EQ(shuffle_quality(settings, 10).mixed_share, 1);
  EXPECT_EQ(shuffle_quality(settings, 5).blocks_of_batch, 5U);
  settings.global_batch = 2;  // as many lanes as a batch has samples
  EXPECT_EQ(shuffle_quality(settings, 100).blocks_of_batch, 2U);
  EXPECT_DOUBLE_EQ(shuffle_quality(settings, 0).mixed_share, 1);
}

}  // namespace
}  // namespace ringfeed::tune
