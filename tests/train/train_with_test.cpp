// Models, losses and optimizers of callers: trained as those that are built in.
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <ringfeed/audit.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/train_with.hpp>
#include <sstream>

#include "temp_folder.hpp"
#include "train/ranks.hpp"
#include "train/safetensors.hpp"
#include "train/small_data.hpp"

namespace ringfeed {
namespace {

namespace nn = torch::nn;
using testing::ranks_that;
using testing::read_all;
using testing::TempFolder;

class TrainWith : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    testing::write_all(*folder_ / "rows.csv", testing::rows());
    testing::make_dataset(*folder_ / "rows.csv", url(), "train=0.8,val=0.2");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string url() { return *folder_ / "rows.ring"; }
  static TrainOptions options() { return testing::linear_options(url()); }

  static TempFolder* folder_;
};

TempFolder* TrainWith::folder_ = nullptr;

/// Named as the built-in model "linear".
nn::Sequential linear() {
  torch::manual_seed(0);
  nn::Sequential net;
  net->push_back("output", nn::Linear(10, 1));
  return net;
}

torch::Tensor mean_loss(const torch::Tensor& output, const torch::Tensor& target) {
  return nn::functional::mse_loss(output.flatten(), target);
}

torch::Tensor loss_of_each(const torch::Tensor& output, const torch::Tensor& target) {
  return (output.flatten() - target).square();
}

TEST_F(TrainWith, TrainsAsTheBuiltInModel) {
  const auto built_in = train(options());
  auto net = linear();
  const auto named = train_with(net, options());
  EXPECT_EQ(named.losses, built_in.losses);
  EXPECT_EQ(named.val_loss, built_in.val_loss);
  EXPECT_EQ(named.evaluation->worst.size(), built_in.evaluation->worst.size());
  for (const LossFunction& loss : {LossFunction(mean_loss), LossFunction(loss_of_each)}) {
    auto own = linear();
    torch::optim::SGD optimizer(own->parameters(), 0.01);
    const auto summary = train_with(own, loss, optimizer, options());
    ASSERT_EQ(summary.losses.size(), built_in.losses.size());
    for (std::size_t i = 0; i < summary.losses.size(); ++i)
      EXPECT_NEAR(summary.losses[i], built_in.losses[i], 1e-6 * built_in.losses[i]);
    EXPECT_NEAR(*summary.val_loss, *built_in.val_loss, 1e-6 * *built_in.val_loss);
    EXPECT_FALSE(summary.val_accuracy);
    EXPECT_TRUE(torch::allclose(own->parameters()[0], net->parameters()[0], 1e-5, 1e-6));
  }
}

struct Dropping : nn::Module {
  nn::Linear first{register_module("first", nn::Linear(10, 8))};
  nn::Linear last{register_module("last", nn::Linear(8, 1))};
  nn::Dropout dropout{register_module("dropout", nn::Dropout(0.5))};
  torch::Tensor seen = register_buffer("seen", torch::zeros({}, torch::kInt64));

  torch::Tensor forward(const torch::Tensor& x) {
    if (is_training()) seen += x.size(0);
    return last->forward(dropout->forward(torch::relu(first->forward(x))));
  }
};

/// Weights, buffers, the optimizer's momentum and the numbers of the dropout go on.
TEST_F(TrainWith, ARunGoesOnExactly) {
  const auto run = [&](const std::string& name, std::uint64_t epochs) {
    torch::manual_seed(5);
    auto net = std::make_shared<Dropping>();
    torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.01).momentum(0.9));
    TrainOptions options = TrainWith::options();
    options.epochs = epochs;
    options.checkpoint_dir = *folder_ / name;
    options.checkpoint_every = 3;
    options.resume = "auto";
    options.ledger = *folder_ / (name + "_ledger");
    options.output = *folder_ / (name + "_run");
    return train_with(net, mean_loss, optimizer, options);
  };
  const auto whole = run("whole", 4);
  EXPECT_EQ(run("parts", 1).losses.size(), 1U);
  const auto parts = run("parts", 4);
  EXPECT_FALSE(parts.resumed_from.empty());
  EXPECT_EQ(parts.losses, whole.losses);
  EXPECT_EQ(parts.val_loss, whole.val_loss);
  const auto tensors_of = [](const std::string& bytes) {
    std::map<std::string, std::string> tensors;
    for (const auto& tensor : read_safetensors(bytes))
      tensors[tensor.name] = std::string(static_cast<const char*>(tensor.data), tensor.bytes);
    return tensors;
  };
  const auto weights = tensors_of(read_all(whole.weights));
  EXPECT_EQ(weights, tensors_of(read_all(parts.weights)));
  EXPECT_EQ(weights.size(), 5U);
  EXPECT_EQ(*reinterpret_cast<const std::int64_t*>(weights.at("seen").data()),
            static_cast<std::int64_t>(whole.samples));
  EXPECT_TRUE(audit(*folder_ / "parts_ledger", url()).exact());
}

struct TwoInputs : nn::Module {
  nn::Linear output{register_module("output", nn::Linear(10, 1))};
  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& label) {
    EXPECT_EQ(label.scalar_type(), torch::kInt64);
    return output->forward(x) * (label.unsqueeze(1) >= 0);
  }
};

struct AllInputs : nn::Module {
  nn::Linear output{register_module("output", nn::Linear(10, 1))};
  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) {
    return output->forward(inputs[0]);
  }
};

TEST_F(TrainWith, SeveralInputsComeByTheirOrder) {
  TrainOptions options = TrainWith::options();
  const auto one = train(options).losses;
  options.input = "x,label";
  torch::manual_seed(0);
  EXPECT_EQ(train_with(std::make_shared<TwoInputs>(), options).losses, one);
  torch::manual_seed(0);
  EXPECT_EQ(train_with(std::make_shared<AllInputs>(), options).losses, one);
  auto net = linear();
  const OwnModel called(net.ptr(), [net](const std::vector<torch::Tensor>& inputs) mutable {
    return net->forward(inputs.at(0));
  });
  EXPECT_EQ(train_with(called, options).losses, one);
}

TEST_F(TrainWith, RanksTrainAsOne) {
  const auto on_ranks = [&](int ranks) {
    const std::string file = *folder_ / "losses";
    launch_ranks(ranks_that(ranks, {"train-own", url(), file, "used"}));
    std::istringstream lines(read_all(file));
    std::vector<double> values;
    for (std::string line; std::getline(lines, line);)
      values.push_back(std::strtod(line.c_str(), nullptr));
    return values;
  };
  const auto one = on_ranks(1);
  ASSERT_EQ(one.size(), 4U);
  EXPECT_LT(one[2], one[0]);
  for (const int ranks : {2, 3}) {
    const auto several = on_ranks(ranks);
    ASSERT_EQ(several.size(), one.size());
    for (std::size_t i = 0; i < one.size(); ++i)
      EXPECT_NEAR(several[i], one[i], 1e-5 * std::abs(one[i])) << ranks;
  }
  try {
    launch_ranks(ranks_that(2, {"train-own", url(), *folder_ / "none", "unused"}));
    FAIL() << "no error at all";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("its parameter unused.weight has no part"),
              std::string::npos)
        << error.what();
  }
}

struct Detached : nn::Module {
  nn::Linear output{register_module("output", nn::Linear(10, 1))};
  torch::Tensor forward(const torch::Tensor& x) { return output->forward(x).detach(); }
};

TEST_F(TrainWith, WhatDoesNotFitIsRefusedBeforeAStep) {
  const auto refused = [](const std::string& words, const std::function<void()>& call) {
    try {
      call();
      ADD_FAILURE() << "no error: " << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  TrainOptions options = TrainWith::options();
  options.progress = [](const TrainProgress&) { ADD_FAILURE() << "training began"; };
  refused("the model: its output does not depend on its parameters",
          [&] { train_with(std::make_shared<Detached>(), options); });
  refused("the model: its forward does not take such samples (its forward does not take 1 tensors",
          [&] { train_with(std::make_shared<TwoInputs>(), options); });
  refused("the model: its forward does not take such samples (addmm: mat1 and mat2",
          [&] { train_with(nn::Linear(3, 1), options); });
  refused("the model: it has no parameter that needs a gradient",
          [&] { train_with(nn::Sequential(nn::ReLU()), options); });
  refused("it gives 2 numbers for a sample, and 'y' has 1",
          [&] { train_with(nn::Linear(10, 2), options); });
  auto other = linear();
  torch::optim::SGD optimizer(other->parameters(), 0.01);
  refused("the optimizer holds a parameter that the model does not have",
          [&] { train_with(linear(), mean_loss, optimizer, options); });
  const auto matrix = [](const torch::Tensor& output, const torch::Tensor& target) {
    return (output - target.unsqueeze(1)).square();
  };
  refused("the loss gives a tensor of shape [10, 1] for 10 samples",
          [&] { train_with(other, matrix, optimizer, options); });
  options.parallel = "data-parallel";
  refused("a model of the caller is not copied to several devices",
          [&] { train_with(linear(), options); });
}

}  // namespace
}  // namespace ringfeed
