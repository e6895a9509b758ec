// Each rank's count, mean and squares about the mean are merged (Chan, Golub, LeVeque 1979), in
// float64: one all-reduce in forward, and one in backward.
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/utils.h>

#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>

#include "train/tensor_dtype.hpp"

namespace ringfeed {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Of one channel each, over all ranks.
struct Statistics {
  double count = 0;
  torch::Tensor mean;
  torch::Tensor variance;
};

std::vector<std::int64_t> all_but_channels(const torch::Tensor& input) {
  std::vector<std::int64_t> dimensions;
  for (std::int64_t i = 0; i < input.dim(); ++i) {
    if (i != 1) dimensions.push_back(i);
  }
  return dimensions;
}

/// [C] as it is added to an input.
torch::Tensor spread(const torch::Tensor& of_channels, const torch::Tensor& input) {
  std::vector<std::int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
  shape[1] = -1;
  return of_channels.to(input.scalar_type()).view(shape);
}

Statistics statistics_of(const torch::Tensor& input, ProcessGroup& group) {
  const auto channels = input.size(1);
  const auto numbers = input.to(torch::kFloat64);
  const auto dimensions = all_but_channels(input);
  const auto rows = torch::zeros({group.size(), 1 + 2 * channels},
                                 torch::dtype(torch::kFloat64).device(input.device()));
  const double own_count = static_cast<double>(input.numel()) / static_cast<double>(channels);
  if (own_count > 0) {
    const auto mean = numbers.mean(dimensions);
    const auto squares = (numbers - spread(mean, numbers)).square().sum(dimensions);
    const auto count = torch::full({1}, own_count, rows.options());
    rows[group.rank()].copy_(torch::cat({count, mean, squares}));
  }
  group.all_reduce(rows);
  const auto counts = rows.narrow(1, 0, 1);
  const auto means = rows.narrow(1, 1, channels);
  Statistics all;
  all.count = counts.sum().item<double>();
  all.mean = (counts * means).sum(0) / all.count;
  const auto squares =
      rows.narrow(1, 1 + channels, channels).sum(0) + (counts * (means - all.mean).square()).sum(0);
  all.variance = squares / all.count;
  return all;
}

/// The group, from forward to backward.
struct Held final : torch::CustomClassHolder {
  explicit Held(std::shared_ptr<ProcessGroup> of) : group(std::move(of)) {}
  std::shared_ptr<ProcessGroup> group;
};

/// Normalizes by the statistics of all ranks, and gives back the gradient of that.
class Normalize final : public torch::autograd::Function<Normalize> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input,
                               const Statistics& all, double eps,
                               const std::shared_ptr<ProcessGroup>& group) {
    const auto scale = (all.variance + eps).rsqrt();
    const auto normal = (input - spread(all.mean, input)) * spread(scale, input);
    context->save_for_backward({normal, scale});
    context->saved_data["count"] = all.count;
    context->saved_data["group"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(group));
    return normal;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto& normal = saved[0];
    const auto gradient = gradients[0].to(torch::kFloat64);
    const auto dimensions = all_but_channels(normal);
    const auto sums = torch::stack(
        {gradient.sum(dimensions), (gradient * normal.to(torch::kFloat64)).sum(dimensions)});
    c10::static_intrusive_pointer_cast<Held>(context->saved_data["group"].toCapsule())
        ->group->all_reduce(sums);
    const auto mean = sums / context->saved_data["count"].toDouble();
    const auto own = gradients[0] - spread(mean[0], normal) - normal * spread(mean[1], normal);
    return {own * spread(saved[1], normal), {}, {}, {}};
  }
};

}  // namespace

SyncBatchNorm::SyncBatchNorm(const torch::nn::BatchNormOptions& options,
                             std::shared_ptr<ProcessGroup> group)
    : options_(options),
      group_(std::move(group)),
      weight_(register_parameter("weight", torch::ones({options.num_features()}))),
      bias_(register_parameter("bias", torch::zeros({options.num_features()}))),
      running_mean_(register_buffer("running_mean", torch::zeros({options.num_features()}))),
      running_var_(register_buffer("running_var", torch::ones({options.num_features()}))),
      num_batches_tracked_(
          register_buffer("num_batches_tracked", torch::zeros({}, torch::kInt64))) {}

void SyncBatchNorm::track(const torch::Tensor& mean, const torch::Tensor& variance) {
  const torch::NoGradGuard no_gradients;
  num_batches_tracked_ += 1;
  const double share = options_.momentum().value_or(
      1 / static_cast<double>(num_batches_tracked_.item<std::int64_t>()));
  running_mean_.mul_(1 - share).add_(mean.to(running_mean_.scalar_type()), share);
  running_var_.mul_(1 - share).add_(variance.to(running_var_.scalar_type()), share);
}

torch::Tensor SyncBatchNorm::forward(const torch::Tensor& input) {
  if (input.dim() < 2 || input.size(1) != options_.num_features()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a SyncBatchNorm of {} channels takes [samples, {}, ...], not {}",
                            options_.num_features(), options_.num_features(), shape_text(input)));
  }
  torch::Tensor normal;
  if (is_training()) {
    const auto group = group_ != nullptr ? group_ : ProcessGroup::current();
    const auto all = statistics_of(input.detach(), *group);
    if (all.count < 2) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a SyncBatchNorm needs more than one value of each channel in training");
    }
    track(all.mean, all.variance * (all.count / (all.count - 1)));
    normal = Normalize::apply(input, all, options_.eps(), group);
  } else {
    normal = (input - spread(running_mean_, input)) *
             spread((running_var_ + options_.eps()).rsqrt(), input);
  }
  return normal * spread(weight_, input) + spread(bias_, input);
}

}  // namespace ringfeed
