// Sums of losses, and what they are divided by.
#include "train/losses.hpp"

#include <fmt/format.h>
#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <ringfeed/error.hpp>

#include "train/tensor_dtype.hpp"

namespace ringfeed {
namespace {

namespace functional = torch::nn::functional;

bool is_with_1(torch::IntArrayRef longer, torch::IntArrayRef shorter) {
  return longer.size() == shorter.size() + 1 && longer.back() == 1 &&
         longer.slice(0, shorter.size()) == shorter;
}

/// Also of a tensor without samples.
std::int64_t elements_per_sample(const torch::Tensor& tensor) {
  const auto sizes = tensor.sizes();
  return std::accumulate(sizes.begin() + 1, sizes.end(), std::int64_t{1}, std::multiplies<>());
}

}  // namespace

torch::Tensor fit_target(const torch::Tensor& target, const torch::Tensor& output) {
  if (target.sizes() == output.sizes()) return target;
  if (is_with_1(output.sizes(), target.sizes()) || is_with_1(target.sizes(), output.sizes())) {
    return target.reshape(output.sizes());
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("a target of shape {} does not fit an output of shape {}; it is not broadcast",
                  shape_text(target), shape_text(output)));
}

Loss::Loss(LossKind kind, const std::vector<double>& class_weights, torch::TensorOptions outputs,
           double label_smoothing)
    : kind_(kind), outputs_(outputs), label_smoothing_(label_smoothing) {
  if (!class_weights.empty())
    class_weights_ = torch::tensor(class_weights, torch::kFloat64).to(outputs_);
}

Loss::Loss(LossKind kind, LossFunction own, torch::TensorOptions outputs)
    : kind_(kind), own_(std::move(own)), outputs_(outputs) {}

torch::Tensor Loss::target(const torch::Tensor& column) const {
  if (kind_ == LossKind::kOwn)
    return column.to(column.is_floating_point() ? outputs_ : outputs_.dtype(torch::kInt64));
  if (kind_ == LossKind::kCrossEntropy)
    return column.reshape({column.size(0)}).to(outputs_.dtype(torch::kInt64));
  return column.reshape({column.size(0), elements_per_sample(column)}).to(outputs_);
}

std::optional<BadTarget> Loss::find_bad(const torch::Tensor& column, std::int64_t classes) const {
  const bool has_range = kind_ == LossKind::kCrossEntropy || kind_ == LossKind::kBce;
  if (!has_range || column.numel() == 0) return std::nullopt;
  // On the CPU: to ask a device would be to wait for it.
  const auto find = [&]<typename T>(T least, T most) -> std::optional<BadTarget> {
    const auto values = column.to(torch::CppTypeToScalarType<T>::value).contiguous();
    const T* const begin = values.template const_data_ptr<T>();
    const T* const end = begin + values.numel();
    const T* const bad =
        std::find_if(begin, end, [&](T value) { return !(value >= least && value <= most); });
    if (bad == end) return std::nullopt;
    return BadTarget{(bad - begin) / elements_per_sample(column), static_cast<double>(*bad)};
  };
  return kind_ == LossKind::kBce ? find(0.0, 1.0) : find(std::int64_t{0}, classes - 1);
}

torch::Tensor Loss::own_sum(const torch::Tensor& output, const torch::Tensor& target) const {
  const auto samples = target.size(0);
  if (samples == 0) return output.sum() * 0;
  const auto loss = own_(output, target);
  if (loss.dim() == 0) return loss * static_cast<double>(samples);
  if (loss.dim() == 1 && loss.size(0) == samples) return loss.sum();
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("the loss gives a tensor of shape {} for {} samples; a mean without a "
                          "dimension is expected, or the loss of each sample",
                          shape_text(loss), samples));
}

torch::Tensor Loss::sum(const torch::Tensor& output, const torch::Tensor& target) const {
  switch (kind_) {
    case LossKind::kCrossEntropy:
      return functional::cross_entropy(output, target,
                                       functional::CrossEntropyFuncOptions()
                                           .weight(class_weights_)
                                           .label_smoothing(label_smoothing_)
                                           .reduction(torch::kSum));
    case LossKind::kMse:
      return functional::mse_loss(output, fit_target(target, output),
                                  functional::MSELossFuncOptions().reduction(torch::kSum)) /
             static_cast<double>(elements_per_sample(output));
    case LossKind::kBce:
      return functional::binary_cross_entropy_with_logits(
                 output, fit_target(target, output),
                 functional::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kSum)) /
             static_cast<double>(elements_per_sample(output));
    case LossKind::kModel:
    case LossKind::kOwn:
      return own_sum(output, target);
  }
  throw Error(ErrorCode::kInternal, "a loss without a formula");
}

torch::Tensor Loss::each(const torch::Tensor& output, const torch::Tensor& target) const {
  switch (kind_) {
    case LossKind::kCrossEntropy:
      return functional::cross_entropy(output, target,
                                       functional::CrossEntropyFuncOptions()
                                           .weight(class_weights_)
                                           .label_smoothing(label_smoothing_)
                                           .reduction(torch::kNone));
    case LossKind::kMse:
      return functional::mse_loss(output, fit_target(target, output),
                                  functional::MSELossFuncOptions().reduction(torch::kNone))
          .flatten(1)
          .mean(1);
    case LossKind::kBce:
      return functional::binary_cross_entropy_with_logits(
                 output, fit_target(target, output),
                 functional::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone))
          .flatten(1)
          .mean(1);
    case LossKind::kModel:
    case LossKind::kOwn:
      break;
  }
  throw Error(ErrorCode::kInternal, "a loss without a formula");
}

torch::Tensor Loss::weight(const torch::Tensor& target) const {
  if (!weighted())
    return torch::scalar_tensor(static_cast<double>(target.size(0)), torch::kFloat64);
  return class_weights_.index_select(0, target).sum(torch::kFloat64);
}

std::optional<torch::Tensor> Loss::correct(const torch::Tensor& output,
                                           const torch::Tensor& target) const {
  switch (kind_) {
    case LossKind::kMse:
    case LossKind::kModel:
    case LossKind::kOwn:
      return std::nullopt;
    case LossKind::kCrossEntropy:
      return output.argmax(1).eq(target).sum();
    case LossKind::kBce:
      return (output > 0).eq(fit_target(target, output) > 0.5).to(torch::kFloat64).sum() /
             static_cast<double>(elements_per_sample(output));
  }
  throw Error(ErrorCode::kInternal, "a loss without a measure");
}

double step_scale(int world_size, double step_weight) {
  return step_weight > 0 ? world_size / step_weight : 0.0;
}

}  // namespace ringfeed
