// Training from data set to weights: against a loop written by hand, on several ranks, and what it
// refuses.
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/manifest.hpp>
#include <ringfeed/samples.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <sstream>

#include "temp_folder.hpp"
#include "train/checkpoint.hpp"
#include "train/ranks.hpp"
#include "train/safetensors.hpp"
#include "train/small_data.hpp"

namespace ringfeed {
namespace {

using testing::kSamples;
using testing::make_dataset;
using testing::ranks_that;
using testing::read_all;
using testing::rows;
using testing::TempFolder;

class Train : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder();
    testing::write_all(*folder_ / "rows.csv", rows());
    make_dataset(*folder_ / "rows.csv", url(), "train=0.8,val=0.2");
    make_dataset(*folder_ / "rows.csv", few_url(), "train=0.98,val=0.02");
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static std::string url() { return *folder_ / "rows.ring"; }
  static std::string few_url() { return *folder_ / "few.ring"; }  // a val split of 2 or 3 samples

  static TrainOptions options() { return testing::linear_options(url()); }

  /// Losses of each epoch, then validation loss and accuracy.
  static std::vector<double> on_ranks(int ranks, const std::string& data,
                                      std::vector<std::string> rest) {
    const std::string file = *folder_ / "losses";
    std::vector<std::string> what = {"train", data, file};
    what.insert(what.end(), rest.begin(), rest.end());
    launch_ranks(ranks_that(ranks, what));
    std::istringstream lines(read_all(file));
    std::vector<double> values;
    for (std::string line; std::getline(lines, line);)
      values.push_back(std::strtod(line.c_str(), nullptr));
    return values;
  }

  static TempFolder* folder_;
};

TempFolder* Train::folder_ = nullptr;

Error error_of(const TrainOptions& options) {
  try {
    train(options);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kInternal, "no error at all");
}

TEST_F(Train, RanksOfAnotherOrderAreNamed) {
  EXPECT_NO_THROW(launch_ranks(ranks_that(3, {"order", url(), "0"})));
  try {
    launch_ranks(ranks_that(3, {"order", url(), "2"}));
    FAIL() << "no error at all";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("rank 1 has samples 20, and rank 0 has 0"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(Train, LossesAreThoseOfALoopWrittenByHand) {
  const TrainOptions options = Train::options();
  const TrainSummary summary = train(options);

  torch::manual_seed(0);
  torch::nn::Linear net(10, 1);
  torch::optim::SGD optimizer(net->parameters(), 0.01);
  const auto dataset = Dataset::open(url());
  FeedOptions feed_options;
  feed_options.order = {.lanes = 8, .global_batch = 10};
  feed_options.epochs = 4;
  Feed feed(dataset, feed_options);
  std::vector<double> losses;
  for (int epoch = 0; epoch < 4; ++epoch) {
    double sum = 0;
    while (const auto batch = feed.next()) {
      optimizer.zero_grad();
      const auto output = net->forward(to_tensor(batch->column("x")));
      const auto loss = torch::nn::functional::mse_loss(
          output, to_tensor(batch->column("y")).reshape({batch->size, 1}));
      loss.backward();
      optimizer.step();
      sum += loss.item<double>() * static_cast<double>(batch->size);
    }
    losses.push_back(sum / static_cast<double>(dataset->size()));
  }
  ASSERT_EQ(summary.losses.size(), 4u);
  for (int epoch = 0; epoch < 4; ++epoch) {
    EXPECT_NEAR(summary.losses[epoch], losses[epoch], 1e-6 * losses[epoch]);
    EXPECT_LT(summary.losses[epoch], epoch == 0 ? 100 : summary.losses[epoch - 1]);
  }
  EXPECT_EQ(summary.samples, 4 * dataset->size());
  EXPECT_FALSE(summary.val_accuracy.has_value());
  EXPECT_EQ(summary.threads, 1);
  EXPECT_EQ(summary.device, "cpu");
  EXPECT_EQ(summary.dataset_version, 1u);
  EXPECT_GT(summary.samples_per_second, 0);
  const TrainSeconds& seconds = summary.seconds;
  EXPECT_LE(
      seconds.wait + seconds.forward + seconds.backward + seconds.all_reduce + seconds.optimizer,
      seconds.total);
  EXPECT_GT(seconds.forward, 0);
  EXPECT_GT(seconds.backward, 0);
  EXPECT_GT(seconds.optimizer, 0);
  EXPECT_GE(summary.wait_share, 0);
  EXPECT_LE(summary.wait_share, 1);
}

TEST_F(Train, TwoRunsGiveTheSameLossesToTheLastDigit) {
  for (const int ranks : {1, 2}) {
    const auto first = on_ranks(ranks, url(), {"mlp", "cross_entropy", "3"});
    ASSERT_EQ(first.size(), 5u);
    EXPECT_EQ(first, on_ranks(ranks, url(), {"mlp", "cross_entropy", "3"}));
  }
}

TEST_F(Train, SeveralRanksLearnAsOneDoes) {
  const std::vector<std::vector<std::string>> cases = {
      {"linear", "mse", "3"},
      {"mlp", "cross_entropy", "3"},
      {"mlp", "cross_entropy", "3", "0.5", "0", "4"}};
  for (const auto& rest : cases) {
    const auto one = on_ranks(1, url(), rest);
    ASSERT_EQ(one.size(), 5u);
    for (const int ranks : {2, 3, 5}) {
      const auto several = on_ranks(ranks, url(), rest);
      ASSERT_EQ(several.size(), one.size());
      for (std::size_t i = 0; i < one.size(); ++i)
        EXPECT_NEAR(several[i], one[i], 1e-5 * std::abs(one[i])) << ranks;
    }
  }
}

TEST_F(Train, EvaluatesASplitWithFewerSamplesThanRanks) {
  const auto samples = Dataset::open(few_url())->with_split("val")->size();
  ASSERT_GT(samples, 0u);
  ASSERT_LT(samples, 5u);
  const auto one = on_ranks(1, few_url(), {"linear", "cross_entropy", "1"});
  const auto five = on_ranks(5, few_url(), {"linear", "cross_entropy", "1"});
  EXPECT_NEAR(five[1], one[1], 1e-5 * one[1]);
  EXPECT_EQ(five[2], one[2]);
}

TEST_F(Train, SavesWeightsWithWhichTheValidationFiguresCanBeRepeated) {
  TrainOptions options = Train::options();
  options.target = "label";
  options.loss = "cross_entropy";
  options.output = *folder_ / "new/run";
  const TrainSummary summary = train(options);
  EXPECT_EQ(summary.weights, options.output + "/weights.safetensors");

  const std::string bytes = read_all(summary.weights);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), 8);
  const auto header = nlohmann::json::parse(bytes.substr(8, header_bytes));
  const auto tensor = [&](const std::string& name, std::vector<std::int64_t> shape) {
    EXPECT_EQ(header[name]["shape"], shape);
    EXPECT_EQ(header[name]["dtype"], "F32");
    const auto offset = 8 + header_bytes + header[name]["data_offsets"][0].get<std::uint64_t>();
    return torch::from_blob(const_cast<char*>(bytes.data() + offset), shape).clone();
  };
  const auto weight = tensor("output.weight", {3, 10});
  const auto bias = tensor("output.bias", {3});
  EXPECT_EQ(header.size(), 3u);
  const auto model = nlohmann::json::parse(header["__metadata__"]["ringfeed"].get<std::string>());
  EXPECT_EQ(model["model"], "linear");
  EXPECT_EQ(model["outputs"], 3);
  EXPECT_EQ(model["input_divisor"], 1);

  const Batch batch = load(url() + "?split=val", kSamples);
  const auto label = to_tensor(batch.column("label"));
  const auto output = torch::matmul(to_tensor(batch.column("x")), weight.t()) + bias;
  EXPECT_NEAR(torch::nn::functional::cross_entropy(output, label).item<double>(), *summary.val_loss,
              1e-6);
  EXPECT_DOUBLE_EQ(output.argmax(1).eq(label).to(torch::kFloat64).mean().item<double>(),
                   *summary.val_accuracy);
}

TEST_F(Train, BytesAreDividedBy255) {
  TrainOptions options = Train::options();
  options.input = "bytes";
  const auto bytes = train(options).losses;
  options.input = "floats";
  EXPECT_EQ(bytes, train(options).losses);
}

TEST_F(Train, EveryModelAndOptimizerLearns) {
  for (const char* model : {"linear", "mlp", "cnn"}) {
    for (const char* optimizer : {"sgd", "adam", "adamw"}) {
      TrainOptions options = Train::options();
      options.model = model;
      options.optimizer = optimizer;
      options.momentum = std::string(optimizer) == "sgd" ? 0.5 : 0;
      options.input = "bytes";
      options.target = "flag";
      options.loss = "bce";
      options.parallel = "data-parallel";
      const auto summary = train(options);
      EXPECT_LT(summary.losses.back(), summary.losses.front()) << model << " " << optimizer;
      EXPECT_TRUE(summary.val_accuracy.has_value());
    }
  }
}

/// What a checkpoint is of, beside the model: its optimizer's state fits no other.
TEST_F(Train, AResumeWithAnotherOptimizerModeOrWeightsIsRefused) {
  TrainOptions options = Train::options();
  options.target = "label";
  options.loss = "cross_entropy";
  options.optimizer = "adam";
  options.class_weights = {1, 2, 1};
  options.epochs = 1;
  options.checkpoint_dir = *folder_ / "optimizer";
  train(options);
  options.epochs = 2;
  options.resume = "auto";
  const auto refused = [](const TrainOptions& wrong, const std::string& words) {
    const Error error = error_of(wrong);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  };
  for (const char* optimizer : {"sgd", "adamw"}) {
    TrainOptions wrong = options;
    wrong.optimizer = optimizer;
    refused(wrong, "the checkpoint is of optimizer \"adam\", and here it is \"" +
                       std::string(optimizer) + "\": it does not fit");
  }
  TrainOptions wrong = options;
  wrong.parallel = "data-parallel";
  refused(wrong, "of parallel \"ddp\"");
  wrong = options;
  wrong.class_weights = {};
  refused(wrong, "of class_weights [1.0,2.0,1.0]");
  options.learning_rate = 0.5;  // which may change
  EXPECT_EQ(train(options).losses.size(), 2u);
}

/// The checksums are right: written by somebody who knows how.
TEST_F(Train, ACheckpointWhoseTensorsDoNotFitIsDamage) {
  TrainOptions options = Train::options();
  options.epochs = 1;
  options.checkpoint_dir = *folder_ / "weights";
  train(options);
  const auto made = Checkpoint::read(options.checkpoint_dir + "/checkpoint-000000");
  options.epochs = 2;
  options.resume = "auto";
  const auto resumed = [&](const std::vector<NamedTensor>& tensors, const std::string& optimizer) {
    std::filesystem::remove_all(options.checkpoint_dir);
    CheckpointFolder(options.checkpoint_dir, 3)
        .publish(made.document, [&](const std::string& path) {
          write_safetensors(path + "/" + kWeightsFile, tensors, {});
          testing::write_all(path + "/" + kOptimizerFile, optimizer);
        });
    return error_of(options);
  };
  const auto right = read_safetensors(made.weights);
  ASSERT_EQ(right.size(), 2u);
  const std::vector<std::pair<std::string, std::function<void(std::vector<NamedTensor>&)>>> cases =
      {
          {"is missing", [](auto& tensors) { tensors.clear(); }},
          {"is missing", [](auto& tensors) { tensors.pop_back(); }},
          {"the model has no tensor", [](auto& tensors) { tensors.back().name = "other"; }},
          {"not of the model's dtype", [](auto& tensors) { tensors.back().dtype = DType::kInt32; }},
          {"not of the model's dtype", [](auto& tensors) { tensors.back().shape = {1, 1, 10}; }},
      };
  for (const auto& [words, change] : cases) {
    auto tensors = right;
    std::ranges::sort(tensors, {}, &NamedTensor::bytes);  // the matrix is the last
    change(tensors);
    const Error error = resumed(tensors, made.optimizer);
    EXPECT_EQ(error.code(), ErrorCode::kBadData) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
  const auto expect_told = [](const Error& error, const std::string& words) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData) << error.what();
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("remove this checkpoint"), std::string::npos);
  };
  expect_told(resumed(right, "no file of torch"), "/optimizer.pt: damaged (");
  std::filesystem::remove_all(options.checkpoint_dir);
  CheckpointFolder(options.checkpoint_dir, 3).publish(made.document, [&](const std::string& path) {
    testing::write_all(path + "/" + kWeightsFile, "no weights");
    testing::write_all(path + "/" + kOptimizerFile, made.optimizer);
  });
  expect_told(error_of(options), "/weights.safetensors: not a safetensors file (");
}

TEST_F(Train, ReportsProgress) {
  TrainOptions options = Train::options();
  options.epochs = 2;
  std::uint64_t steps = 0;
  std::uint64_t last_samples = 0;
  std::vector<double> losses;
  options.progress = [&](const TrainProgress& at) {
    EXPECT_EQ(at.epochs, 2u);
    EXPECT_EQ(at.epoch, losses.size());
    if (at.loss) {
      EXPECT_EQ(at.samples, at.samples_total);
      EXPECT_TRUE(at.val_loss.has_value());
      losses.push_back(*at.loss);
      last_samples = 0;
      return;
    }
    EXPECT_GT(at.samples, last_samples);
    last_samples = at.samples;
    ++steps;
  };
  const TrainSummary summary = train(options);
  EXPECT_EQ(losses, summary.losses);
  EXPECT_EQ(steps,
            2 * Steps(Dataset::open(url())->size(), {.lanes = 8, .global_batch = 10}).count());
}

TEST_F(Train, ATrialEndsByTheClockAndEvaluatesNothing) {
  for (const bool held : {false, true}) {
    TrainOptions options = Train::options();
    options.epochs = 1'000'000;
    options.trial = Trial{.warm_up = std::chrono::milliseconds(100),
                          .time = std::chrono::milliseconds(300),
                          .held_batch = held};
    const auto start = std::chrono::steady_clock::now();
    const TrainSummary summary = train(options);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(summary.seconds.total, 0.3);
    EXPECT_LE(summary.seconds.total, took.count() - 0.1);
    EXPECT_GT(summary.cpu_seconds, 0);
    EXPECT_GT(summary.samples, 0U);
    EXPECT_DOUBLE_EQ(summary.samples_per_second,
                     static_cast<double>(summary.samples) / summary.seconds.total);
    EXPECT_FALSE(summary.val_loss);
    EXPECT_EQ(summary.losses.empty(), held);  // no epoch of a batch that is held ends
    const auto& parts = summary.seconds;
    EXPECT_LE(parts.wait + parts.forward + parts.backward + parts.optimizer, parts.total);
  }
}

/// A manifest under a right checksum says fewer classes, or shares up to 1, than the samples have.
TEST_F(Train, ATargetOutsideOfTheRangeThatTheDataSetSaysIsDamage) {
  const std::string forged_url = *folder_ / "forged.ring";
  std::filesystem::copy(url(), forged_url, std::filesystem::copy_options::recursive);
  Manifest manifest = Manifest::decode(read_all(forged_url + "/versions/1.json"), "");
  for (auto& part : manifest.parts) {
    for (auto& range : part.ranges) range.most = std::min<std::int64_t>(range.most, 1);
  }
  testing::write_all(forged_url + "/versions/1.json", manifest.encode());
  Samples samples(Dataset::open(url()));
  TrainOptions options = Train::options();
  options.url = forged_url;
  for (const std::string loss : {"cross_entropy", "bce"}) {
    options.target = "label";
    options.loss = loss;
    const Error error = error_of(options);
    EXPECT_EQ(error.exit_code(), 3);
    std::uint64_t number = kSamples;
    ASSERT_EQ(
        std::sscanf(error.what(), "sample %lu of split 'train': 'label' is 2, outside", &number), 1)
        << error.what();
    const auto batch = samples.read(std::vector<std::uint64_t>{number});
    EXPECT_EQ(batch.column("label").as<std::int64_t>()[0], 2);
  }
}

TEST_F(Train, StopsWhenAsked) {
  std::stop_source source;
  TrainOptions options = Train::options();
  options.output = *folder_ / "stopped";
  options.stop = source.get_token();
  int reports = 0;
  options.progress = [&](const TrainProgress&) {
    if (++reports == 3) source.request_stop();
  };
  EXPECT_EQ(error_of(options).code(), ErrorCode::kCancelled);
  EXPECT_EQ(reports, 3);
  EXPECT_FALSE(std::filesystem::exists(options.output));
}

TEST_F(Train, ALossThatIsNotFiniteEndsTheRun) {
  TrainOptions options = Train::options();
  options.learning_rate = 1e30;
  options.output = *folder_ / "diverged";
  options.checkpoint_dir = *folder_ / "diverged_checkpoints";
  options.checkpoint_every = 1;
  const Error error = error_of(options);
  EXPECT_EQ(error.exit_code(), 1);
  for (const auto* const part :
       {"the loss of epoch 1, step ", "(samples ", "the last checkpoint is ", "checkpoint-0000",
        "TrainOptions::on_nan = continue"})
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  const std::string words = error.what();
  EXPECT_TRUE(words.find(" of the epoch) is nan;") != std::string::npos ||
              words.find(" of the epoch) is inf;") != std::string::npos)
      << words;
  EXPECT_FALSE(std::filesystem::exists(options.output));
  options.on_nan = "continue";
  options.checkpoint_dir.clear();
  options.checkpoint_every = 0;
  EXPECT_FALSE(std::isfinite(train(options).losses.back()));
}

TEST_F(Train, RefusesDataThatDoesNotFit) {
  struct DataRefusal {
    const char* says;
    std::function<void(TrainOptions&)> change;
  };
  const std::vector<DataRefusal> refusals = {
      {"loss cross_entropy needs labels from 0; 'bad' has -1",
       [](auto& o) { o.loss = "cross_entropy", o.target = "bad"; }},
      {"2 class weights do not fit the 3 classes of 'label'",
       [](auto& o) { o.loss = "cross_entropy", o.target = "label", o.class_weights = {1, 2}; }},
      {"loss bce needs targets from 0 to 1; 'share' has values from 0.5 to 2",
       [](auto& o) { o.loss = "bce", o.target = "share"; }},
      {"loss mse needs a floating-point target", [](auto& o) { o.target = "label"; }},
      {"model cnn takes samples of", [](auto& o) { o.model = "cnn"; }},
      {"global_batch 0 is out of its bounds", [](auto& o) { o.global_batch = 0; }},
  };
  for (const auto& refusal : refusals) {
    TrainOptions options = Train::options();
    refusal.change(options);
    options.progress = [](const TrainProgress&) { ADD_FAILURE() << "training began"; };
    const Error error = error_of(options);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument) << error.what();
    EXPECT_NE(std::string(error.what()).find(refusal.says), std::string::npos) << error.what();
  }
  TrainOptions options = Train::options();
  options.url = url() + "?split=test";
  EXPECT_EQ(error_of(options).code(), ErrorCode::kNotFound);
  options.url = *folder_ / "nothing";
  EXPECT_EQ(error_of(options).code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace ringfeed
