// A training loop of a user's own: a torch module, batches as tensors, one rank.
#include <torch/torch.h>

#include <cstdio>
#include <ringfeed/feed.hpp>
#include <ringfeed/torch.hpp>

int main() {
  torch::manual_seed(0);
  const auto data = ringfeed::Dataset::open("digits.ring");
  ringfeed::Feed feed(data, {.order = {.seed = 7, .global_batch = 64}, .epochs = 5});
  torch::nn::Linear net(64, 10);
  torch::optim::SGD optimizer(net->parameters(), 0.001);
  double sums[5] = {};
  for (double& sum : sums) {
    while (const auto batch = feed.next()) {
      optimizer.zero_grad();
      const auto output = net->forward(ringfeed::to_tensor(batch->column("image")));
      const auto loss =
          torch::nn::functional::cross_entropy(output, ringfeed::to_tensor(batch->column("label")));
      loss.backward();
      optimizer.step();
      sum += loss.item<double>() * static_cast<double>(batch->size);
    }
  }
  std::printf("loss %s: %g -> %g\n", sums[4] < sums[0] / 2 ? "fell" : "did not fall",
              sums[0] / 1797, sums[4] / 1797);
  return 0;
}
