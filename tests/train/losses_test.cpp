// Sums of losses against torch's means, and what is refused.
#include "train/losses.hpp"

#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>

#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

namespace functional = torch::nn::functional;

const std::vector<double> kUnweighted;

double scaled(const Loss& loss, const torch::Tensor& output, const torch::Tensor& target) {
  return loss.sum(output, target).item<double>() *
         step_scale(1, loss.weight(target).item<double>());
}

TEST(FitTarget, ReshapesALastDimensionOfOneAndNothingElse) {
  const auto target = torch::arange(4, torch::kFloat32);
  const auto fitted = fit_target(target, torch::zeros({4, 1}));
  EXPECT_EQ(fitted.sizes(), (std::vector<std::int64_t>{4, 1}));
  EXPECT_TRUE(torch::equal(fitted.flatten(), target));
  EXPECT_EQ(fit_target(torch::zeros({4, 1}), torch::zeros({4})).sizes(),
            (std::vector<std::int64_t>{4}));
  EXPECT_EQ(fit_target(torch::zeros({4, 2}), torch::zeros({4, 2})).sizes(),
            (std::vector<std::int64_t>{4, 2}));
  const std::vector<std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>> wrong = {
      {{4}, {4, 4}}, {{4}, {1, 4}},    {{4}, {3, 1}}, {{1}, {4, 1}},
      {{4, 2}, {4}}, {{2, 4}, {4, 2}}, {{}, {4}},     {{4}, {4, 1, 1}}};
  for (const auto& [have, want] : wrong) {
    try {
      fit_target(torch::zeros(have), torch::zeros(want));
      ADD_FAILURE() << "no error for " << torch::IntArrayRef(have) << " and "
                    << torch::IntArrayRef(want);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    }
  }
}

TEST(Loss, OfATargetVectorIsNotBroadcast) {
  // Broadcast, this would be the mean over 9 pairs: 4/3. As 3 pairs it is 0.
  const Loss loss(LossKind::kMse, kUnweighted, torch::kFloat64);
  const auto column = torch::tensor({0.0, 1.0, 2.0}, torch::kFloat64);
  EXPECT_EQ(scaled(loss, column.reshape({3, 1}), loss.target(column)), 0.0);
}

TEST(Loss, SumsAreTorchsMeans) {
  torch::manual_seed(3);
  const auto output = torch::randn({9, 4}, torch::kFloat64);
  const auto values = torch::rand({9, 2, 2}, torch::kFloat64);
  const auto flat = values.reshape({9, 4});
  const Loss mse(LossKind::kMse, kUnweighted, torch::kFloat64);
  EXPECT_NEAR(scaled(mse, output, mse.target(values)),
              functional::mse_loss(output, flat).item<double>(), 1e-14);
  const Loss bce(LossKind::kBce, kUnweighted, torch::kFloat64);
  EXPECT_NEAR(scaled(bce, output, bce.target(values)),
              functional::binary_cross_entropy_with_logits(output, flat).item<double>(), 1e-14);
  const auto labels = torch::randint(4, {9}, torch::kUInt8);
  for (const std::vector<double>& weights : {std::vector<double>{}, {1, 0, 0.25, 8}}) {
    const Loss loss(LossKind::kCrossEntropy, weights, torch::kFloat64);
    functional::CrossEntropyFuncOptions options;
    if (!weights.empty()) options.weight(torch::tensor(weights, torch::kFloat64));
    EXPECT_NEAR(scaled(loss, output, loss.target(labels)),
                functional::cross_entropy(output, labels.to(torch::kInt64), options).item<double>(),
                1e-14);
  }
}

TEST(Loss, OfNoSamplesIsZero) {
  for (const auto kind : {LossKind::kMse, LossKind::kBce, LossKind::kCrossEntropy}) {
    const Loss loss(kind, kUnweighted, torch::kFloat32);
    const auto column =
        kind == LossKind::kCrossEntropy ? torch::zeros({0}, torch::kInt64) : torch::zeros({0, 3});
    const auto target = loss.target(column);
    EXPECT_EQ(loss.sum(torch::zeros({0, 3}), target).item<double>(), 0.0);
    EXPECT_EQ(loss.weight(target).item<double>(), 0.0);
    EXPECT_EQ(scaled(loss, torch::zeros({0, 3}), target), 0.0);
  }
}

TEST(Loss, CountsWhatIsRight) {
  const Loss classes(LossKind::kCrossEntropy, kUnweighted, torch::kFloat32);
  const auto output = torch::tensor({{1.0, 2.0}, {3.0, 0.0}, {0.0, 1.0}});
  EXPECT_EQ(classes.correct(output, torch::tensor({1, 1, 1}))->item<double>(), 2.0);
  const Loss binary(LossKind::kBce, kUnweighted, torch::kFloat32);
  const auto column = torch::tensor({true, false, true}).reshape({3});
  EXPECT_EQ(
      binary.correct(torch::tensor({{2.0}, {-1.0}, {-3.0}}), binary.target(column))->item<double>(),
      2.0);
  const auto pairs = torch::tensor({{1.0, 0.0}, {1.0, 1.0}});
  EXPECT_EQ(
      binary.correct(torch::tensor({{1.0, 1.0}, {1.0, 1.0}}), binary.target(pairs))->item<double>(),
      1.5);
  EXPECT_FALSE(
      Loss(LossKind::kMse, kUnweighted, torch::kFloat32).correct(output, output).has_value());
}

}  // namespace
}  // namespace ringfeed
