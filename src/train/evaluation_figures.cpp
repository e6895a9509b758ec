// Means and squares about them are merged by batch and by rank (Chan, Golub, LeVeque 1979): sums of
// squares would lose the digits of targets far from 0.
#include "train/evaluation_figures.hpp"

#include <fmt/format.h>

#include "train/losses.hpp"

namespace ringfeed {
namespace {

struct Moments {
  double samples = 0;
  torch::Tensor mean;
  torch::Tensor deviation;
};

Moments merged(const Moments& one, const Moments& other) {
  if (one.samples == 0) return other;
  if (other.samples == 0) return one;
  const double samples = one.samples + other.samples;
  const auto apart = other.mean - one.mean;
  return {
      samples, one.mean + apart * (other.samples / samples),
      one.deviation + other.deviation + apart.square() * (one.samples * other.samples / samples)};
}

}  // namespace

void EvaluationFigures::add(const torch::Tensor& output, const torch::Tensor& target) {
  if (target.size(0) == 0) return;
  if (loss_ == LossKind::kMse) return add_numbers(output, target);
  if (loss_ == LossKind::kCrossEntropy && top_k_ > 0) {
    const auto likeliest = std::get<1>(output.topk(top_k_, 1));
    among_ += likeliest.eq(target.unsqueeze(1)).sum().item<double>();
    samples_ += static_cast<double>(target.size(0));
  }
}

void EvaluationFigures::add_numbers(const torch::Tensor& output, const torch::Tensor& target) {
  const auto expected = fit_target(target, output).flatten(1).to(torch::kCPU, torch::kFloat64);
  const auto error = output.flatten(1).to(torch::kCPU, torch::kFloat64) - expected;
  absolute_ += error.abs().mean(1).sum().item<double>();
  squared_ += error.square().sum().item<double>();
  const auto mean = expected.mean(0);
  const Moments all =
      merged({samples_, mean_, deviation_},
             {static_cast<double>(expected.size(0)), mean, (expected - mean).square().sum(0)});
  samples_ = all.samples;
  mean_ = all.mean;
  deviation_ = all.deviation;
}

ValidationFigures EvaluationFigures::gather(ProcessGroup& group) const {
  if (loss_ == LossKind::kMse) return gather_numbers(group);
  if (loss_ != LossKind::kCrossEntropy || top_k_ == 0) return {};
  const auto sums = torch::tensor({among_, samples_}, torch::kFloat64);
  group.all_reduce(sums);
  return {{fmt::format("val_top_{}_accuracy", top_k_),
           sums[0].item<double>() / sums[1].item<double>()}};
}

ValidationFigures EvaluationFigures::gather_numbers(ProcessGroup& group) const {
  // A rank without a sample does not know how many elements there are.
  const auto width = torch::scalar_tensor(mean_.defined() ? mean_.size(0) : 0, torch::kInt64);
  group.all_reduce(width, Reduce::kMax);
  const auto elements = width.item<std::int64_t>();
  const auto sums = torch::tensor({absolute_, squared_}, torch::kFloat64);
  group.all_reduce(sums);
  const auto rows = torch::zeros({group.size(), 1 + 2 * elements}, torch::kFloat64);
  if (samples_ > 0) {
    rows[group.rank()].copy_(
        torch::cat({torch::tensor({samples_}, torch::kFloat64), mean_, deviation_}));
  }
  group.all_reduce(rows);
  Moments all;
  for (int rank = 0; rank < group.size(); ++rank) {
    all = merged(all, {rows[rank][0].item<double>(), rows[rank].narrow(0, 1, elements),
                       rows[rank].narrow(0, 1 + elements, elements)});
  }
  ValidationFigures figures = {{"val_mae", sums[0].item<double>() / all.samples}};
  const double varied = all.deviation.sum().item<double>();
  if (varied > 0) figures.emplace_back("val_r2", 1 - sums[1].item<double>() / varied);
  return figures;
}

}  // namespace ringfeed
