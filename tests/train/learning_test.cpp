// Options of learning beyond loss and optimizer: what they compute, that ranks and a resumed run
// do not change it, and what is refused.
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/samples.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <sstream>

#include "temp_folder.hpp"
#include "train/gradient_norm.hpp"
#include "train/ranks.hpp"
#include "train/safetensors.hpp"
#include "train/schedule.hpp"
#include "train/small_data.hpp"

namespace ringfeed {
namespace {

using testing::ranks_that;
using testing::read_all;
using testing::TempFolder;

Schedule schedule(ScheduleKind kind, std::uint64_t steps, std::uint64_t warm_up,
                  std::uint64_t decay_every = 0) {
  TrainOptions options;
  options.warm_up = warm_up;
  options.decay_every = decay_every;
  return Schedule(options, kind, steps);
}

TEST(Schedule, FollowsItsFormula) {
  const auto constant = schedule(ScheduleKind::kConstant, 10, 4);
  for (const auto& [step, factor] : {std::pair(0, 0.25), {1, 0.5}, {3, 1.0}, {4, 1.0}, {9, 1.0}})
    EXPECT_DOUBLE_EQ(constant.factor(step), factor) << step;
  const auto falling = schedule(ScheduleKind::kStep, 100, 2, 10);
  for (const auto& [step, factor] :
       {std::pair(0, 0.5), {1, 1.0}, {2, 1.0}, {11, 1.0}, {12, 0.1}, {21, 0.1}, {22, 0.01}})
    EXPECT_DOUBLE_EQ(falling.factor(step), factor) << step;
  const auto cosine = schedule(ScheduleKind::kCosine, 40, 0);
  for (const auto& [step, factor] : {std::pair(0, 1.0), {20, 0.5}, {10, 0.5 + std::sqrt(0.125)}})
    EXPECT_NEAR(cosine.factor(step), factor, 1e-15) << step;
  const auto warmed = schedule(ScheduleKind::kCosine, 50, 10);
  EXPECT_DOUBLE_EQ(warmed.factor(0), 0.1);
  EXPECT_NEAR(warmed.factor(30), 0.5, 1e-15);
}

/// torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=20, cycle_momentum=False) of 2.15.
TEST(Schedule, OneCycleIsTorchs) {
  const std::vector<double> theirs = {0.040000000000000036,
                                      0.1316718427000253,
                                      0.3716718427000253,
                                      0.6683281572999747,
                                      0.9083281572999747,
                                      1.0,
                                      0.9874640062350873,
                                      0.9504846320134737,
                                      0.89091617757105,
                                      0.8117456539497631,
                                      0.7169430017913008,
                                      0.6112620219362893,
                                      0.500002,
                                      0.38874197806371075,
                                      0.28306099820869923,
                                      0.18825834605023697,
                                      0.10908782242895004,
                                      0.049519367986526286,
                                      0.012539993764912554,
                                      4e-06};
  const auto cycle = schedule(ScheduleKind::kOneCycle, 20, 0);
  ASSERT_EQ(theirs.size(), 20U);
  for (std::size_t step = 0; step < theirs.size(); ++step)
    EXPECT_NEAR(cycle.factor(step), theirs[step], 1e-14) << step;
  EXPECT_DOUBLE_EQ(schedule(ScheduleKind::kOneCycle, 20, 3).factor(2), 1);
}

TEST(Schedule, MoreWarmUpThanStepsIsRefused) {
  EXPECT_NO_THROW(schedule(ScheduleKind::kConstant, 5, 4));
  for (const std::uint64_t warm_up : {5, 6}) {
    try {
      schedule(ScheduleKind::kOneCycle, 5, warm_up);
      ADD_FAILURE() << warm_up;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find("steps of warm-up are not less than the 5 steps"),
                std::string::npos);
    }
  }
}

TEST(ClipGradients, ScalesAllTogether) {
  std::vector<torch::Tensor> parameters = {torch::zeros({2}), torch::zeros({1}), torch::zeros({3})};
  parameters[0].mutable_grad() = torch::tensor({3.0F, 0.0F});
  parameters[1].mutable_grad() = torch::tensor({4.0F});
  clip_gradients(parameters, 10);
  EXPECT_EQ(parameters[1].grad().item<float>(), 4.0F);
  clip_gradients(parameters, 1);
  EXPECT_NEAR(parameters[0].grad()[0].item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(parameters[1].grad().item<double>(), 0.8, 1e-6);
  EXPECT_FALSE(parameters[2].grad().defined());
}

class Learning : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    testing::write_all(*folder_ / "rows.csv", testing::rows());
    testing::make_dataset(*folder_ / "rows.csv", url(), "train=0.8,val=0.2");
    testing::make_dataset(*folder_ / "rows.csv", whole_url(), "train=1");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string url() { return *folder_ / "rows.ring"; }
  static std::string whole_url() { return *folder_ / "whole.ring"; }
  static TrainOptions options() { return testing::linear_options(url()); }
  static TrainOptions classes() {
    TrainOptions options = Learning::options();
    options.model = "mlp";
    options.hidden = {8};
    options.target = "label";
    options.loss = "cross_entropy";
    return options;
  }

  static TempFolder* folder_;
};

TempFolder* Learning::folder_ = nullptr;

std::map<std::string, torch::Tensor> weights_of(const std::string& path) {
  const std::string bytes = read_all(path);
  std::map<std::string, torch::Tensor> weights;
  for (const auto& tensor : read_safetensors(bytes))
    weights[tensor.name] = torch::from_blob(const_cast<void*>(tensor.data), tensor.shape).clone();
  return weights;
}

/// All options of learning at once, against a loop of torch alone.
TEST_F(Learning, WeightsAreThoseOfALoopWrittenByHand) {
  TrainOptions options = Learning::options();
  options.schedule = "cosine";
  options.warm_up = 7;
  options.clip_norm = 0.5;
  options.ema_decay = 0.9;
  options.accumulate = 3;
  options.output = *folder_ / "by_hand";
  std::vector<double> rates;
  options.step = [&](const TrainStep& step) { rates.push_back(step.learning_rate); };
  const TrainSummary summary = train(options);

  torch::manual_seed(0);
  torch::nn::Linear net(10, 1);
  torch::optim::SGD optimizer(net->parameters(), 0.01);
  const auto dataset = Dataset::open(url());
  FeedOptions feed_options;
  feed_options.order = {.lanes = 8, .global_batch = 10};
  feed_options.epochs = 4;
  Feed feed(dataset, feed_options);
  const auto steps = 4 * feed.steps().count();
  std::vector<torch::Tensor> average;
  for (const auto& parameter : net->parameters()) average.push_back(parameter.detach().clone());
  std::vector<double> expected;
  for (int epoch = 0; epoch < 4; ++epoch) {
    while (const auto batch = feed.next()) {
      const auto step = static_cast<double>(expected.size());
      const double rate =
          0.01 * (step < 7
                      ? (step + 1) / 7
                      : (1 + std::cos(M_PI * (step - 7) / (static_cast<double>(steps) - 7))) / 2);
      expected.push_back(rate);
      optimizer.zero_grad();
      const auto output = net->forward(to_tensor(batch->column("x"))).flatten();
      (output - to_tensor(batch->column("y"))).square().mean().backward();
      const auto norm = torch::cat({net->weight.grad().flatten(), net->bias.grad()}).norm();
      const double scale = std::min(1.0, 0.5 / (norm.item<double>() + 1e-6));
      const torch::NoGradGuard no_gradients;
      for (std::size_t i = 0; i < 2; ++i) {
        auto parameter = net->parameters()[i];
        parameter -= parameter.grad() * (scale * rate);
        average[i] = average[i] * 0.9 + parameter * 0.1;
      }
    }
  }
  ASSERT_EQ(rates.size(), expected.size());
  for (std::size_t i = 0; i < rates.size(); ++i) EXPECT_NEAR(rates[i], expected[i], 1e-15);
  const auto saved = weights_of(summary.weights);
  EXPECT_TRUE(torch::allclose(saved.at("output.weight"), average[0], 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(saved.at("output.bias"), average[1], 1e-5, 1e-6));
  EXPECT_FALSE(torch::allclose(average[0], net->weight, 1e-3, 1e-4));

  const Batch batch = load(url() + "?split=val", testing::kSamples);
  const auto y = to_tensor(batch.column("y"));
  const auto error =
      (torch::matmul(to_tensor(batch.column("x")), average[0].t()) + average[1]).flatten() - y;
  const std::map<std::string, double> figures(summary.val_figures.begin(),
                                              summary.val_figures.end());
  EXPECT_NEAR(*summary.val_loss, error.square().mean().item<double>(), 1e-5);
  EXPECT_NEAR(figures.at("val_mae"), error.abs().mean().item<double>(), 1e-5);
  EXPECT_NEAR(figures.at("val_r2"),
              1 - (error.square().sum() / (y - y.mean()).square().sum()).item<double>(), 1e-5);
}

TEST_F(Learning, PartsOfAStepGiveItsGradient) {
  TrainOptions options = Learning::classes();
  options.class_weights = {1, 0.5, 2};
  const auto whole = train(options);
  for (const std::uint64_t parts : {2, 3, 64}) {
    options.accumulate = parts;
    const auto accumulated = train(options);
    for (std::size_t i = 0; i < whole.losses.size(); ++i)
      EXPECT_NEAR(accumulated.losses[i], whole.losses[i], 1e-5 * whole.losses[i]) << parts;
  }
}

TEST_F(Learning, TopKCountsTheRightClassAmongTheLikeliest) {
  TrainOptions options = Learning::classes();
  for (const std::uint64_t k : {1, 3}) {
    options.top_k = k;
    const auto summary = train(options);
    ASSERT_EQ(summary.val_figures.size(), 1U);
    EXPECT_EQ(summary.val_figures[0].first, "val_top_" + std::to_string(k) + "_accuracy");
    EXPECT_DOUBLE_EQ(summary.val_figures[0].second, k == 3 ? 1 : *summary.val_accuracy);
  }
}

TEST_F(Learning, LabelSmoothingIsTorchs) {
  TrainOptions options = Learning::classes();
  options.label_smoothing = 0.2;
  options.output = *folder_ / "smoothed";
  options.model = "linear";
  options.hidden.clear();
  const auto summary = train(options);
  const auto weights = weights_of(summary.weights);
  const Batch batch = load(url() + "?split=val", testing::kSamples);
  const auto output = torch::matmul(to_tensor(batch.column("x")), weights.at("output.weight").t()) +
                      weights.at("output.bias");
  const auto log = torch::log_softmax(output, 1);
  const auto label = to_tensor(batch.column("label"));
  const auto expected = -(0.8 * log.gather(1, label.unsqueeze(1)).flatten() + 0.2 * log.mean(1));
  EXPECT_NEAR(*summary.val_loss, expected.mean().item<double>(), 1e-5);
}

/// The state of all of them goes through a checkpoint.
TEST_F(Learning, ARunGoesOnExactly) {
  const auto run = [&](const std::string& name, std::uint64_t epochs, bool stops) {
    TrainOptions options = Learning::classes();
    options.optimizer = "adam";
    options.epochs = epochs;
    options.schedule = "one-cycle";
    options.warm_up = 5;
    options.clip_norm = 0.3;
    options.ema_decay = 0.8;
    options.accumulate = 2;
    options.label_smoothing = 0.1;
    options.top_k = 2;
    options.patience = 2;
    options.freeze = {"fc1.bias"};
    options.checkpoint_dir = *folder_ / name;
    options.checkpoint_every = 4;
    options.resume = "auto";
    options.output = *folder_ / (name + "_run");
    std::stop_source source;
    options.finish = source.get_token();
    int steps = 0;
    options.progress = [&](const TrainProgress&) {
      if (stops && ++steps == 15) source.request_stop();
    };
    return train(options);
  };
  const auto whole = run("whole", 3, false);
  EXPECT_THROW(run("parts", 3, true), Error);
  const auto parts = run("parts", 3, false);
  EXPECT_FALSE(parts.resumed_from.empty());
  EXPECT_EQ(parts.losses, whole.losses);
  EXPECT_EQ(parts.val_loss, whole.val_loss);
  EXPECT_EQ(parts.val_figures, whole.val_figures);
  EXPECT_EQ(parts.best_epoch, whole.best_epoch);
  const auto one = weights_of(whole.weights);
  const auto other = weights_of(parts.weights);
  EXPECT_EQ(one.size(), 4U);
  for (const auto& [name, tensor] : one) EXPECT_TRUE(torch::equal(tensor, other.at(name))) << name;
}

TEST_F(Learning, RanksLearnAlike) {
  const auto on_ranks = [&](int ranks) {
    const std::string file = *folder_ / "losses";
    launch_ranks(ranks_that(ranks, {"learn", url(), file}));
    std::istringstream lines(read_all(file));
    std::vector<double> values;
    for (std::string line; std::getline(lines, line);)
      values.push_back(std::strtod(line.c_str(), nullptr));
    return values;
  };
  const auto one = on_ranks(1);
  ASSERT_EQ(one.size(), 6U);
  for (const int ranks : {2, 3}) {
    const auto several = on_ranks(ranks);
    ASSERT_EQ(several.size(), one.size());
    for (std::size_t i = 0; i < one.size(); ++i)
      EXPECT_NEAR(several[i], one[i], 2e-5 * std::abs(one[i])) << ranks << " " << i;
  }
}

TEST_F(Learning, EndsWhenNothingGetsBetterAndKeepsTheBestCheckpoint) {
  TrainOptions options = Learning::classes();
  options.learning_rate = 0.5;  // too large: it gets worse at some time
  options.momentum = 0.9;
  options.epochs = 60;
  options.patience = 3;
  options.checkpoint_keep = 1;
  options.checkpoint_dir = *folder_ / "best";
  options.output = *folder_ / "best_run";
  std::vector<double> losses;
  options.progress = [&](const TrainProgress& at) {
    if (at.loss) losses.push_back(*at.val_loss);
  };
  const auto summary = train(options);
  ASSERT_TRUE(summary.stopped_early);
  ASSERT_LT(losses.size(), 60U);
  const auto best = std::ranges::min_element(losses) - losses.begin();
  EXPECT_EQ(*summary.best_epoch, static_cast<std::uint64_t>(best));
  EXPECT_EQ(*summary.best_val_loss, losses[static_cast<std::size_t>(best)]);
  EXPECT_EQ(losses.size(), static_cast<std::size_t>(best) + 4);
  EXPECT_TRUE(summary.evaluation);
  std::vector<std::string> kept;
  for (const auto& entry : std::filesystem::directory_iterator(options.checkpoint_dir)) {
    if (entry.is_directory()) kept.push_back(entry.path());
  }
  EXPECT_EQ(kept.size(), 2U);
  EXPECT_TRUE(std::filesystem::exists(summary.best_checkpoint + "/weights.safetensors"));
  options.resume = "auto";
  options.progress = [](const TrainProgress&) { ADD_FAILURE() << "it went on"; };
  const auto again = train(options);
  EXPECT_EQ(again.best_epoch, summary.best_epoch);
  EXPECT_EQ(again.best_checkpoint, summary.best_checkpoint);
}

TEST_F(Learning, FirstWeightsComeFromAFileAndFrozenOnesStay) {
  TrainOptions options = Learning::classes();
  options.output = *folder_ / "first";
  const auto first = weights_of(train(options).weights);
  options.init = *folder_ / "first/weights.safetensors";
  options.freeze = {"fc1"};
  options.output = *folder_ / "second";
  std::vector<std::string> told;
  options.warn = [&](const std::string& line) { told.push_back(line); };
  const auto second = weights_of(train(options).weights);
  EXPECT_TRUE(told.empty());
  for (const auto& [name, tensor] : first)
    EXPECT_EQ(torch::equal(tensor, second.at(name)), name.starts_with("fc1")) << name;

  options.target = "flag";  // another last layer
  options.loss = "bce";
  options.output = *folder_ / "third";
  const auto third = weights_of(train(options).weights);
  EXPECT_TRUE(torch::equal(third.at("fc1.weight"), first.at("fc1.weight")));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("2 of the model's 4 tensors are not in it, and begin anew: output.bias, "
                         "output.weight; 2 of its tensors are not taken"),
            std::string::npos)
      << told[0];
}

TEST_F(Learning, ATransformerLearnsFromNumbersAndTokens) {
  for (const char* input : {"floats", "x", "tokens"}) {
    TrainOptions options = Learning::classes();
    options.model = "transformer";
    options.hidden = {16, 8};
    options.width = 12;
    options.heads = 3;
    options.input = input;
    options.optimizer = "adam";
    options.epochs = 6;
    options.output = *folder_ / "transformer";
    const auto summary = train(options);
    EXPECT_LT(summary.losses.back(), summary.losses.front()) << input;
    const auto weights = weights_of(summary.weights);
    const std::int64_t first = std::string(input) == "x"        ? 1
                               : std::string(input) == "tokens" ? 256
                                                                : 2;
    EXPECT_EQ(weights.at("embedding.weight").numel(), 12 * first) << input;
    EXPECT_EQ(weights.at("encoder2.linear1.weight").sizes().vec(),
              (std::vector<std::int64_t>{8, 12}));
    EXPECT_EQ(weights.at("positions").size(0), std::string(input) == "x" ? 10
                                               : input[0] == 't'         ? 4
                                                                         : 2);
  }
}

/// Rounded where it is allowed to be: the same to the digits of bfloat16, and not to the last.
TEST_F(Learning, PrecisionAndLayoutChangeRoundingAlone) {
  TrainOptions options = Learning::classes();
  options.model = "cnn";
  options.hidden = {4};
  options.input = "bytes";
  options.epochs = 2;
  options.output = *folder_ / "plain";
  const auto plain = train(options);
  options.precision = "bfloat16";
  const auto rounded = train(options).losses;
  options.precision = "float32";
  options.channels_last = true;
  options.output = *folder_ / "last";
  const auto last = train(options);
  EXPECT_NE(rounded, plain.losses);
  for (std::size_t i = 0; i < rounded.size(); ++i) {
    EXPECT_NEAR(rounded[i], plain.losses[i], 2e-2 * plain.losses[i]);
    EXPECT_NEAR(last.losses[i], plain.losses[i], 1e-5 * plain.losses[i]);
  }
  const auto expected = weights_of(plain.weights);
  for (const auto& [name, tensor] : weights_of(last.weights))
    EXPECT_TRUE(torch::allclose(tensor, expected.at(name), 1e-2, 1e-3)) << name;
}

TEST_F(Learning, WhatDoesNotFitIsRefusedBeforeAStep) {
  testing::write_all(*folder_ / "no.safetensors", "no weights");
  TrainOptions linear = Learning::options();
  linear.output = *folder_ / "linear";
  train(linear);
  struct Refusal {
    const char* says;
    std::function<void(TrainOptions&)> change;
    ErrorCode code = ErrorCode::kInvalidArgument;
  };
  const std::vector<Refusal> refusals = {
      {"steps of warm-up are not less than", [](auto& o) { o.warm_up = 1000; }},
      {"unknown schedule 'falling'; use one of constant, step, cosine, one-cycle",
       [](auto& o) { o.schedule = "falling"; }},
      {"schedule step needs the steps after which the rate falls",
       [](auto& o) { o.schedule = "step"; }},
      {"decay_every is for", [](auto& o) { o.decay_every = 3; }},
      {"clip_norm 0 is out of its bounds", [](auto& o) { o.clip_norm = 0; }},
      {"accumulate 0 is out of its bounds", [](auto& o) { o.accumulate = 0; }},
      {"label_smoothing 1 is out of its bounds", [](auto& o) { o.label_smoothing = 1; }},
      {"label_smoothing is for loss cross_entropy only",
       [](auto& o) { o.label_smoothing = 0.1, o.loss = "mse", o.target = "y"; }},
      {"top_k = 4 is more than the 3 classes of 'label'", [](auto& o) { o.top_k = 4; }},
      {"patience looks at the loss of a split val",
       [](auto& o) { o.patience = 1, o.url = whole_url(); }},
      {"ema_decay 1 is out of its bounds", [](auto& o) { o.ema_decay = 1; }},
      {"freeze = fc2: no parameter has a name that begins so; they are fc1.weight",
       [](auto& o) { o.freeze = {"fc1", "fc2"}; }},
      {"freeze = fc1,output: all parameters of the model begin so",
       [](auto& o) { o.freeze = {"fc1", "output"}; }},
      {"loss model is for the model of a file", [](auto& o) { o.loss = "model"; }},
      {"width = 10 of a transformer is no multiple of TrainOptions::heads = 4",
       [](auto& o) { o.model = "transformer", o.width = 10; }},
      {"model transformer takes samples of [length, features]",
       [](auto& o) { o.model = "transformer", o.input = "y"; }},
      {"model transformer takes one input column",
       [](auto& o) { o.model = "transformer", o.input = "x,floats"; }},
      {"no.safetensors: not a safetensors file",
       [](auto& o) { o.init = *folder_ / "no.safetensors"; }, ErrorCode::kBadData},
      {"linear/weights.safetensors: none of its 2 tensors has name and shape",
       [](auto& o) { o.init = *folder_ / "linear/weights.safetensors"; }},
      {"missing.safetensors", [](auto& o) { o.init = *folder_ / "missing.safetensors"; },
       ErrorCode::kNotFound},
  };
  for (const auto& refusal : refusals) {
    TrainOptions options = Learning::classes();
    refusal.change(options);
    options.progress = [](const TrainProgress&) { ADD_FAILURE() << "training began"; };
    try {
      train(options);
      ADD_FAILURE() << "no error: " << refusal.says;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), refusal.code) << error.what();
      EXPECT_NE(std::string(error.what()).find(refusal.says), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace ringfeed
