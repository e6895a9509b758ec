// Counts go over the ranks by one sum, and so do the samples: each rank writes its own rows.
#include "train/evaluation.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>

namespace ringfeed {
namespace {

constexpr std::int64_t kConfusedClassesMax = 256;
constexpr std::size_t kWorstMost = 16;
constexpr std::int64_t kFields = 5;  // of a sample: whether it is there, and its members

std::int64_t classes_of(LossKind kind, std::int64_t outputs) {
  if (kind == LossKind::kBce) return outputs == 1 ? 2 : 0;
  return kind == LossKind::kCrossEntropy && outputs <= kConfusedClassesMax ? outputs : 0;
}

/// What the model says, as the target has it: the class for those that have classes.
torch::Tensor said(LossKind kind, const torch::Tensor& output) {
  switch (kind) {
    case LossKind::kCrossEntropy:
      return output.argmax(1);
    case LossKind::kBce:
      return output.flatten() > 0;
    case LossKind::kMse:
    case LossKind::kModel:
    case LossKind::kOwn:
      break;
  }
  return output.flatten();
}

}  // namespace

EvaluationDetails::EvaluationDetails(LossKind kind, std::int64_t outputs)
    : kind_(kind), outputs_(outputs) {
  if (const auto classes = classes_of(kind, outputs); classes > 0)
    confusion_ = torch::zeros({classes, classes}, torch::kFloat64);
}

void EvaluationDetails::add(const Batch& batch, const Loss& loss, const torch::Tensor& output,
                            const torch::Tensor& target) {
  if (kind_ == LossKind::kOwn || kind_ == LossKind::kModel ||
      (kind_ != LossKind::kCrossEntropy && outputs_ != 1))
    return;
  const auto losses = loss.each(output, target).to(torch::kCPU, torch::kFloat64).contiguous();
  const auto targets = target.flatten().to(torch::kCPU, torch::kFloat64).contiguous();
  const auto outputs = said(kind_, output).to(torch::kCPU, torch::kFloat64).contiguous();
  if (confusion_.defined()) {
    const auto classes = confusion_.size(0);
    const auto places = (targets * classes + outputs).to(torch::kInt64);
    confusion_ += torch::bincount(places, {}, classes * classes).view_as(confusion_);
  }
  for (std::int64_t i = 0; i < batch.size; ++i) {
    worst_.push_back({batch.samples[static_cast<std::size_t>(i)],
                      losses.const_data_ptr<double>()[i], targets.const_data_ptr<double>()[i],
                      outputs.const_data_ptr<double>()[i]});
  }
  keep_worst();
}

void EvaluationDetails::keep_worst() {
  const auto kept = std::min(kWorstMost, worst_.size());
  std::ranges::partial_sort(worst_, worst_.begin() + static_cast<std::ptrdiff_t>(kept),
                            [](const auto& a, const auto& b) {
                              if (std::isnan(a.loss) != std::isnan(b.loss))
                                return std::isnan(a.loss);
                              return a.loss > b.loss || (!(a.loss < b.loss) && a.number < b.number);
                            });
  worst_.resize(kept);
}

Evaluation EvaluationDetails::gather(ProcessGroup& group) const {
  Evaluation all;
  if (confusion_.defined()) {
    const auto sum = confusion_.clone();
    group.all_reduce(sum);
    for (std::int64_t row = 0; row < sum.size(0); ++row) {
      const auto* const counts = sum[row].const_data_ptr<double>();
      all.confusion.emplace_back(counts, counts + sum.size(1));
    }
  }
  const auto rows =
      torch::zeros({group.size(), std::int64_t{kWorstMost}, kFields}, torch::kFloat64);
  auto own = rows[group.rank()];
  for (std::size_t i = 0; i < worst_.size(); ++i) {
    const auto& sample = worst_[i];
    own[static_cast<std::int64_t>(i)] = torch::tensor(
        {1.0, static_cast<double>(sample.number), sample.loss, sample.target, sample.output},
        torch::kFloat64);
  }
  group.all_reduce(rows);
  EvaluationDetails together(kind_, outputs_);
  const auto table = rows.view({-1, kFields});
  for (std::int64_t i = 0; i < table.size(0); ++i) {
    const auto* const row = table[i].const_data_ptr<double>();
    if (row[0] != 0)
      together.worst_.push_back({static_cast<std::uint64_t>(row[1]), row[2], row[3], row[4]});
  }
  together.keep_worst();
  all.worst = std::move(together.worst_);
  return all;
}

}  // namespace ringfeed
