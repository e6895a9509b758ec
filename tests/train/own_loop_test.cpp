// The training loop of docs/training.md: the same text, compiled and run.
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <ringfeed/ingest.hpp>
#include <ringfeed/source.hpp>
#include <sstream>

#include "temp_folder.hpp"
// clang-format off
#include <ringfeed/feed.hpp>
#include <ringfeed/torch.hpp>
// clang-format on

namespace ringfeed {
namespace {

struct Net : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(2, 2));
  torch::Tensor forward(const torch::Tensor& input) { return layer->forward(input); }
};

void make_dataset(const testing::TempFolder& folder) {
  std::string rows;
  for (int i = 0; i < 600; ++i) {
    rows += std::to_string(i % 2 * 2 - 1) + "," + std::to_string(i % 7) + "," +
            std::to_string(i % 2) + "\n";
  }
  testing::write_all(folder / "rows.csv", rows);
  SourceOptions options;
  options.tensors = {TensorSpec::parse("image=f0,f1:2:float32"),
                     TensorSpec::parse("label=f2::int64")};
  ingest(*open_source({folder / "rows.csv"}, options),
         *open_store(Url::parse(folder / "digits.ring")), {});
}

TEST(OwnLoop, OfTheDocumentationRuns) {
  const testing::TempFolder folder;
  make_dataset(folder);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  // clang-format off
auto group = ringfeed::ProcessGroup::join();
auto net = std::make_shared<Net>();  // your torch::nn::Module, made the same on every rank
ringfeed::DistributedDataParallel<Net> parallel(net, group);
torch::optim::SGD optimizer(net->parameters(), 0.01);

ringfeed::FeedOptions options;
options.order.global_batch = 256;
options.rank = group->rank();
options.world_size = group->size();
const auto data = ringfeed::Dataset::open("digits.ring");
ringfeed::require_same_order(*group, *data, options);  // or an error that names rank and difference
ringfeed::Feed feed(data, options);
while (auto batch = feed.next()) {
  auto output = parallel.forward(ringfeed::to_tensor(batch->column("image")));
  auto loss = torch::cross_entropy_loss(output, ringfeed::to_tensor(batch->column("label")));
  parallel.zero_grad();
  (loss * batch->weight).backward();  // a mean loss; batch->weight makes ragged steps right
  optimizer.step();
}
  // clang-format on
  std::filesystem::current_path(before);
  EXPECT_EQ(feed.position(), (Position{1, 0}));
  EXPECT_TRUE(net->layer->weight.grad().defined());
}

TEST(OwnLoop, IsTheTextOfTheDocumentation) {
  const std::string page = testing::read_all(RINGFEED_SOURCE_DIR "/docs/training.md");
  const std::string own = testing::read_all(RINGFEED_SOURCE_DIR "/tests/train/own_loop_test.cpp");
  const auto begin = page.find("```cpp\n") + 7;
  std::istringstream lines(page.substr(begin, page.find("```\n", begin) - begin));
  std::size_t at = 0;
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    at = own.find(line + "\n", at);
    ASSERT_NE(at, std::string::npos) << line;
  }
  EXPECT_GT(count, 15);
}

}  // namespace
}  // namespace ringfeed
