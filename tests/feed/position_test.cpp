// Positions as text, and what they do not fit.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ringfeed/feed.hpp>

#include "errors.hpp"
#include "feed/memory_store.hpp"

namespace ringfeed {
namespace {

using testing::expect_error;

std::shared_ptr<const Dataset> dataset_of_100(std::int64_t width = 3) {
  MemoryPlan plan;
  plan.block_samples.assign(10, 10);
  plan.width = width;
  return dataset_of(std::make_shared<MemoryStore>(plan));
}

OrderOptions order() {
  OrderOptions order;
  order.seed = 0xFFFF'FFFF'FFFF'FFFF;
  order.global_batch = 16;
  return order;
}

TEST(PositionText, ComesBack) {
  const auto dataset = dataset_of_100();
  for (const Position position : {Position{0, 0}, Position{3, 16}, Position{7, 80}}) {
    const auto text = encode_position(position, *dataset, order());
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(decode_position(text, *dataset, order()), position);
  }
}

TEST(PositionText, IsRefusedWithTheReasonWhereItDoesNotFit) {
  const auto dataset = dataset_of_100();
  const auto text = encode_position({1, 32}, *dataset, order());
  const auto expect_refused = [&](const std::string& part, const auto& change) {
    OrderOptions other = order();
    change(other);
    expect_error(ErrorCode::kInvalidArgument, {part},
                 [&] { decode_position(text, *dataset, other); });
  };
  expect_refused("an order with seed 18446744073709551615, and here it is 1",
                 [](OrderOptions& other) { other.seed = 1; });
  expect_refused("shuffle \"block\", and here it is \"full\"",
                 [](OrderOptions& other) { other.shuffle = Shuffle::kFull; });
  expect_refused("lanes 64, and here it is 8", [](OrderOptions& other) { other.lanes = 8; });
  expect_refused("window 2, and here it is 1", [](OrderOptions& other) { other.window = 1; });
  expect_refused("global_batch 16, and here it is 8",
                 [](OrderOptions& other) { other.global_batch = 8; });
  expect_refused("tail \"share\", and here it is \"join\"",
                 [](OrderOptions& other) { other.tail = Tail::kJoin; });
  auto json = nlohmann::json::parse(text);
  json["dataset"]["split"] = "val";
  expect_error(ErrorCode::kInvalidArgument, {"a data set with split \"val\", and here it is"},
               [&] { decode_position(json.dump(), *dataset, order()); });
}

TEST(PositionText, FitsTheSameRowsWithOtherColumns) {
  const auto text = encode_position({1, 32}, *dataset_of_100(3), order());
  EXPECT_EQ(decode_position(text, *dataset_of_100(4), order()), (Position{1, 32}));
}

TEST(PositionText, OfADataSetMadeAnewIsRefused) {
  // Split and size are the same; how the samples lie, and so the order, is not.
  MemoryPlan plan;
  plan.block_samples = {20, 10, 10, 10, 10, 10, 10, 10, 10};
  const auto made_anew = dataset_of(std::make_shared<MemoryStore>(plan));
  const auto text = encode_position({1, 32}, *dataset_of_100(), order());
  ASSERT_EQ(made_anew->size(), dataset_of_100()->size());
  expect_error(ErrorCode::kInvalidArgument, {"a data set with lineage", "it does not fit"},
               [&] { decode_position(text, *made_anew, order()); });
}

TEST(PositionText, OfAnotherCutIsRefused) {
  const auto dataset = dataset_of_100();
  auto json = nlohmann::json::parse(encode_position({1, 32}, *dataset, order()));
  json["ringfeed_position"] = 1;
  json["order"].erase("cut");
  expect_error(ErrorCode::kBadData, {"\"cut\"", "start it anew"},
               [&] { decode_position(json.dump(), *dataset, order()); });
}

TEST(PositionText, WithoutLineageIsRefused) {
  const auto dataset = dataset_of_100();
  auto json = nlohmann::json::parse(encode_position({1, 32}, *dataset, order()));
  json["ringfeed_position"] = 2;
  json["dataset"] = {{"version", 1}, {"split", "train"}, {"samples", 100}};
  expect_error(ErrorCode::kBadData, {"\"lineage\"", "start it anew"},
               [&] { decode_position(json.dump(), *dataset, order()); });
}

TEST(PositionText, WhatIsNoPosition) {
  const auto dataset = dataset_of_100();
  for (const char* text :
       {"", "{}", "[1, 2]", "{\"ringfeed_position\":3}", "{\"ringfeed_position\":4}", "null"}) {
    expect_error(ErrorCode::kBadData, {"position"},
                 [&] { decode_position(text, *dataset, order()); });
  }
  auto json = nlohmann::json::parse(encode_position({0, 16}, *dataset, order()));
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"samples", -1},
                                                           {"samples", "16"},
                                                           {"samples", 16.0},
                                                           {"epoch", 1.5},
                                                           {"epoch", nullptr}}) {
    auto wrong = json;
    wrong[name] = value;
    expect_error(ErrorCode::kBadData, {"not a position", name},
                 [&] { decode_position(wrong.dump(), *dataset, order()); });
  }
  json["samples"] = 17;
  expect_error(ErrorCode::kInvalidArgument, {"17"},
               [&] { decode_position(json.dump(), *dataset, order()); });
}

}  // namespace
}  // namespace ringfeed
