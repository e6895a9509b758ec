// Trains a model of your own on several ranks, and says what it lost in each epoch:
//   ./train digits.ring 2
#include <torch/torch.h>

#include <cstdio>
#include <cstdlib>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/torch.hpp>

struct Net : torch::nn::Module {
  torch::nn::Linear hidden{register_module("hidden", torch::nn::Linear(64, 32))};
  torch::nn::Linear output{register_module("output", torch::nn::Linear(32, 10))};

  torch::Tensor forward(const torch::Tensor& image) {
    return output->forward(torch::relu(hidden->forward(image.flatten(1))));
  }
};

void train(const char* url) {
  torch::manual_seed(0);
  auto group = ringfeed::ProcessGroup::join();
  auto net = std::make_shared<Net>();  // made the same on every rank
  ringfeed::DistributedDataParallel<Net> parallel(net, group);
  torch::optim::SGD optimizer(net->parameters(), 0.01);

  const auto data = ringfeed::Dataset::open(url);
  ringfeed::FeedOptions options;
  options.order.global_batch = 64;  // samples of a step, over all ranks
  options.rank = group->rank();
  options.world_size = group->size();
  options.epochs = 5;
  ringfeed::require_same_order(*group, *data,
                               options);  // or an error that names rank and difference
  ringfeed::Feed feed(data, options);
  for (std::uint64_t epoch = 0; epoch < options.epochs; ++epoch) {
    auto sum = torch::zeros({}, torch::kFloat64);
    while (auto batch = feed.next()) {  // none: the epoch is over
      auto output = parallel.forward(ringfeed::to_tensor(batch->column("image")));
      auto loss = torch::cross_entropy_loss(output, ringfeed::to_tensor(batch->column("label")));
      optimizer.zero_grad();
      (loss * batch->weight).backward();  // a mean loss; the weight makes ragged steps right
      optimizer.step();
      sum += loss.detach() * batch->size;
    }
    group->all_reduce(sum);
    if (group->rank() == 0) {
      std::printf("epoch %d: loss %.4f\n", static_cast<int>(epoch) + 1,
                  sum.item<double>() / static_cast<double>(data->size()));
    }
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: train URL RANKS\n");
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
    return ringfeed::run_rank([&] { train(argv[1]); });
  } catch (const ringfeed::Error& error) {
    std::fprintf(stderr, "train: %s\n", error.what());
    return error.exit_code();
  }
}
