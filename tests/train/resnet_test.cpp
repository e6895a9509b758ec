// The nets by their parameters; tests/python/test_resnet.py holds their results against
// torchvision's.
#include "train/resnet.hpp"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace ringfeed {
namespace {

std::int64_t elements_of(Model& model) {
  std::int64_t elements = 0;
  for (const auto& parameter : model.parameters()) elements += parameter.numel();
  return elements;
}

TEST(ResNet, HasTheParametersOfTorchvision) {
  const auto small = make_resnet(ResNetKind::kResNet18, 1000);
  EXPECT_EQ(elements_of(*small), 11'689'512);
  EXPECT_TRUE(small->named_parameters().contains("layer2.0.downsample.0.weight"));
  EXPECT_TRUE(small->named_buffers().contains("layer4.1.bn2.running_var"));
  const auto large = make_resnet(ResNetKind::kResNet50, 1000);
  EXPECT_EQ(elements_of(*large), 25'557'032);
  EXPECT_TRUE(large->named_parameters().contains("layer1.0.downsample.1.bias"));
  EXPECT_TRUE(large->named_parameters().contains("layer3.5.conv3.weight"));
}

TEST(ResNet, TakesASideOf32) {
  const auto model = make_resnet(ResNetKind::kResNet18, 7);
  EXPECT_EQ(model->forward({torch::zeros({2, 3, 32, 32})}).sizes(),
            (std::vector<std::int64_t>{2, 7}));
}

}  // namespace
}  // namespace ringfeed
