// What is refused before anything starts, each with a message that names the thing and the remedy.
#include "train/plan.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

Schema schema() {
  Schema result;
  result.columns = {{"x", ColumnKind::kTensor, DType::kFloat32, {10}},
                    {"image", ColumnKind::kTensor, DType::kUInt8, {8, 6}},
                    {"color", ColumnKind::kTensor, DType::kUInt8, {3, 8, 6}},
                    {"line", ColumnKind::kTensor, DType::kFloat32, {1, 9}},
                    {"value", ColumnKind::kTensor, DType::kFloat32, {}},
                    {"pair", ColumnKind::kTensor, DType::kFloat64, {2}},
                    {"label", ColumnKind::kTensor, DType::kInt64, {}},
                    {"label1", ColumnKind::kTensor, DType::kUInt8, {1}},
                    {"labels", ColumnKind::kTensor, DType::kInt64, {4}},
                    {"flag", ColumnKind::kTensor, DType::kBool, {}},
                    {"text", ColumnKind::kString, DType::kUInt8, {}}};
  return result;
}

TrainOptions good() {
  TrainOptions options;
  options.input = "x";
  options.target = "label";
  return options;
}

struct Refusal {
  const char* says;
  std::function<void(TrainOptions&)> change;
  int world_size = 1;
};

TEST(Plan, Refuses) {
  const std::vector<Refusal> refusals = {
      {"unknown model 'tree'; use one of linear, mlp, cnn", [](auto& o) { o.model = "tree"; }},
      {"unknown loss 'l1'", [](auto& o) { o.loss = "l1"; }},
      {"unknown optimizer 'lion'", [](auto& o) { o.optimizer = "lion"; }},
      {"unknown device 'tpu'", [](auto& o) { o.device = "tpu"; }},
      {"unknown parallel mode 'both'", [](auto& o) { o.parallel = "both"; }},
      {"data-parallel is one process, but there are 2 ranks",
       [](auto& o) { o.parallel = "data-parallel"; }, 2},
      {"learning_rate 0 is out of its bounds, above 0", [](auto& o) { o.learning_rate = 0; }},
      {"learning_rate nan is out of its bounds, above 0",
       [](auto& o) { o.learning_rate = std::numeric_limits<double>::quiet_NaN(); }},
      {"momentum 1 is out of its bounds, 0 to below 1", [](auto& o) { o.momentum = 1; }},
      {"optimizer adam has no momentum", [](auto& o) { o.momentum = 0.9; }},
      {"weight_decay -1 is out of its bounds, from 0", [](auto& o) { o.weight_decay = -1; }},
      {"epochs 0 is out of its bounds, 1 to 1,000,000", [](auto& o) { o.epochs = 0; }},
      {"threads -1 is out of its bounds, 0 to 1,024", [](auto& o) { o.threads = -1; }},
      {"global_batch 0 is out of its bounds, from 1", [](auto& o) { o.global_batch = 0; }},
      {"batch_size_per_rank 0 is out of its bounds, from 1",
       [](auto& o) { o.batch_size_per_rank = 0; }},
      {"a batch of 3 is too small for 4 ranks", [](auto& o) { o.global_batch = 3; }, 4},
      {"linear has no hidden layers", [](auto& o) { o.model = "linear", o.hidden = {3}; }},
      {"a hidden layer has 1 to", [](auto& o) { o.hidden = {3, 0}; }},
      {"65 hidden layers", [](auto& o) { o.hidden.assign(65, 1); }},
      {"name the input column", [](auto& o) { o.input.clear(); }},
      {"image", [](auto& o) { o.input = "picture"; }},
      {"label", [](auto& o) { o.target = "lable"; }},
      {"the input column 'text' is string; it must be a tensor, of the same shape in each sample: "
       "ingest it with SourceOptions::classes = text",
       [](auto& o) { o.input = "text"; }},
      {"ingest it with SourceOptions::classes = text", [](auto& o) { o.input = "x,text"; }},
      {"unknown column 'y'", [](auto& o) { o.input = "x,y"; }},
      {"name the input column", [](auto& o) { o.input = "x,"; }},
      {"model cnn takes one input column", [](auto& o) { o.model = "cnn", o.input = "x,label"; }},
      {"the target column 'text' is string", [](auto& o) { o.target = "text"; }},
      {"cnn takes samples of [height, width] or [channels, height, width], each side at least 2; "
       "'x' is float32 [10]",
       [](auto& o) { o.model = "cnn"; }},
      {"each side at least 2; 'line' is float32 [1, 9]",
       [](auto& o) { o.model = "cnn", o.input = "line"; }},
      {"mse needs a floating-point target; 'label' is int64", [](auto& o) { o.loss = "mse"; }},
      {"mse needs a floating-point target; 'flag' is bool",
       [](auto& o) { o.loss = "mse", o.target = "flag"; }},
      {"cross_entropy needs whole numbers as labels; 'value' is float32; ingest it with "
       "SourceOptions::types = value=int64",
       [](auto& o) { o.target = "value"; }},
      {"cross_entropy needs whole numbers as labels; 'flag' is bool",
       [](auto& o) { o.target = "flag"; }},
      {"cross_entropy needs one label per sample; 'labels' is int64 [4]",
       [](auto& o) { o.target = "labels"; }},
      {"class weights are for loss cross_entropy only",
       [](auto& o) { o.loss = "mse", o.target = "value", o.class_weights = {1}; }},
      {"a class weight is at least 0, not -1", [](auto& o) { o.class_weights = {1, -1}; }},
      {"all class weights are 0", [](auto& o) { o.class_weights = {0, 0}; }},
  };
  for (const auto& refusal : refusals) {
    TrainOptions options = good();
    refusal.change(options);
    try {
      Plan::make(options, schema(), refusal.world_size);
      ADD_FAILURE() << "no error: " << refusal.says;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(refusal.says), std::string::npos) << error.what();
    }
  }
}

TEST(Plan, InputsArePutSideBySide) {
  auto options = good();
  options.input = "labels,flag,label1";
  const auto plan = Plan::make(options, schema(), 1);
  ASSERT_EQ(plan.inputs.size(), 3u);
  EXPECT_EQ(plan.inputs[0].elements, 4);
  EXPECT_EQ(plan.inputs[1].divisor, 1);
  EXPECT_EQ(plan.inputs[2].divisor, 255);
  EXPECT_EQ(plan.input_shape, std::vector<std::int64_t>{6});
}

TEST(Plan, FillsInDefaults) {
  Plan plan = Plan::make(good(), schema(), 1);
  EXPECT_EQ(plan.hidden, (std::vector<std::int64_t>{256, 256}));
  EXPECT_EQ(plan.outputs, 0);
  EXPECT_TRUE(plan.needs_target_values);
  EXPECT_EQ(plan.weight_decay, 0.0);
  EXPECT_EQ(plan.global_batch, 64u);

  TrainOptions options = good();
  options.model = "cnn";
  options.input = "image";
  options.target = "label1";
  options.optimizer = "adamw";
  options.batch_size_per_rank = 5;
  plan = Plan::make(options, schema(), 3);
  EXPECT_EQ(plan.hidden, (std::vector<std::int64_t>{128}));
  EXPECT_EQ(plan.input_shape, (std::vector<std::int64_t>{1, 8, 6}));
  EXPECT_EQ(plan.weight_decay, 0.01);
  EXPECT_EQ(plan.global_batch, 15u);

  options.input = "color";
  options.loss = "mse";
  options.target = "pair";
  plan = Plan::make(options, schema(), 1);
  EXPECT_EQ(plan.input_shape, (std::vector<std::int64_t>{3, 8, 6}));
  EXPECT_EQ(plan.outputs, 2);
  EXPECT_FALSE(plan.needs_target_values);

  options.model = "mlp";
  options.input = "value";
  EXPECT_EQ(Plan::make(options, schema(), 1).input_shape, std::vector<std::int64_t>{1});

  options.loss = "bce";
  options.target = "flag";
  EXPECT_FALSE(Plan::make(options, schema(), 1).needs_target_values);
  options.target = "label";
  EXPECT_TRUE(Plan::make(options, schema(), 1).needs_target_values);
}

}  // namespace
}  // namespace ringfeed
