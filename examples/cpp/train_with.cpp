// Trains a module of your own on several ranks, with checkpoints that a later start goes on from,
// a ledger, evaluation and weights for Python:
//   ./train_with digits.ring 2 run
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <ringfeed/error.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/train_with.hpp>
#include <string>

struct Net : torch::nn::Module {
  torch::nn::Conv2d conv{
      register_module("conv", torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 8, 3).padding(1)))};
  torch::nn::BatchNorm2d norm{register_module("norm", torch::nn::BatchNorm2d(8))};
  torch::nn::Linear output{register_module("output", torch::nn::Linear(8 * 4 * 4, 10))};

  torch::Tensor forward(const torch::Tensor& image) {  // [B, 8, 8]
    auto hidden = torch::relu(norm->forward(conv->forward(image.unsqueeze(1) / 16)));
    return output->forward(torch::max_pool2d(hidden, 2).flatten(1));
  }
};

void train(const std::string& url, const std::string& folder) {
  torch::manual_seed(0);
  auto net = std::make_shared<Net>();  // made the same on every rank
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  const auto loss = [](const torch::Tensor& output, const torch::Tensor& target) {
    return torch::nn::functional::cross_entropy(output, target);  // a mean over the samples
  };
  ringfeed::TrainOptions options;
  options.url = url;
  options.input = "image";
  options.target = "label";
  options.epochs = 3;
  options.output = folder;
  options.ledger = folder + "/ledger";
  options.checkpoint_dir = folder + "/checkpoints";
  options.resume = "auto";  // the newest checkpoint, if there is one
  options.progress = [](const ringfeed::TrainProgress& at) {  // on rank 0
    if (at.loss) std::printf("epoch %d: loss %.4f\n", static_cast<int>(at.epoch) + 1, *at.loss);
  };
  const auto summary = ringfeed::train_with(net, loss, optimizer, options);
  if (summary.rank == 0) std::printf("weights: %s\n", summary.weights.c_str());
}

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: train_with URL RANKS FOLDER\n");
    return 2;
  }
  try {
    if (!ringfeed::is_launched_rank()) {
      ringfeed::LaunchOptions ranks;
      ranks.ranks = std::atoi(argv[2]);
      ranks.arguments = {argv, argv + argc};
      ringfeed::launch_ranks(ranks);
      return 0;
    }
    return ringfeed::run_rank([&] { train(argv[1], argv[3]); });
  } catch (const ringfeed::Error& error) {
    std::fprintf(stderr, "train_with: %s\n", error.what());
    return error.exit_code();
  }
}
