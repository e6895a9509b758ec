// The original case, in C++: 100 samples are written, and Linear(10, 1) is trained on them:
//   ./simple_model lines.ring
#include <torch/torch.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <ringfeed/ingest.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/store.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train_with.hpp>

struct SimpleModel : torch::nn::Module {
  torch::nn::Linear linear{register_module("linear", torch::nn::Linear(10, 1))};

  torch::Tensor forward(const torch::Tensor& data) { return linear->forward(data); }
};

void write(const char* url) {
  ringfeed::Batch samples;
  samples.size = 100;
  samples.columns = {ringfeed::to_column("data", torch::randn({100, 10})),
                     ringfeed::to_column("target", torch::randn({100, 1}))};
  bool is_given = false;
  const auto next = [&]() -> std::optional<ringfeed::Batch> {  // all in one batch
    if (std::exchange(is_given, true)) return std::nullopt;
    return samples;
  };
  const auto source = ringfeed::open_batches(next, ringfeed::Extent::kWhole, "samples", {});
  ringfeed::ingest(*source, *ringfeed::open_store(ringfeed::Url::parse(url)), {});
}

int main(int argc, char** argv) try {
  const char* url = argc > 1 ? argv[1] : "lines.ring";
  torch::manual_seed(0);
  write(url);

  auto model = std::make_shared<SimpleModel>();
  torch::optim::SGD optimizer(model->parameters(), 0.01);
  const auto loss = [](const torch::Tensor& output, const torch::Tensor& target) {
    return torch::mse_loss(output, target);
  };
  ringfeed::TrainOptions options;
  options.url = url;
  options.input = "data";
  options.target = "target";
  options.global_batch = 10;
  options.epochs = 10;
  const auto summary = ringfeed::train_with(model, loss, optimizer, options);
  for (std::size_t epoch = 0; epoch < summary.losses.size(); ++epoch)
    std::printf("epoch %zu: loss %.6f\n", epoch, summary.losses[epoch]);
} catch (const std::exception& error) {
  std::fprintf(stderr, "simple_model: %s\n", error.what());
  return 1;
}
