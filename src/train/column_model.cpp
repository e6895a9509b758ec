// Finds what does not fit before a step.
#include "train/column_model.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>
#include <string_view>

#include "base/option.hpp"
#include "train/precision.hpp"
#include "train/tensor_dtype.hpp"
#include "train/torch_error.hpp"

namespace ringfeed {
namespace {

constexpr std::int64_t kSamplesTried = 2;  // batch norm needs more than one

/// The line that says what happened: an interpreter's error begins with its stack.
std::string cause_of(const std::exception& error) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&error);
  const std::string text = torch_error ? torch_error->what_without_backtrace() : error.what();
  for (const std::string_view mark : {"RuntimeError: ", "Error: "}) {
    if (const auto at = text.rfind(mark); at != std::string::npos) {
      const auto line = std::string_view(text).substr(at + mark.size());
      return std::string(line.substr(0, line.find('\n')));
    }
  }
  return first_line(error);
}

}  // namespace

void ColumnModel::refuse(const std::string& what) const {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", name_, what));
}

void ColumnModel::look_at_tensors() {
  bool any = false;
  bool any_trained = false;
  for (const auto& named : named_parameters()) {
    const auto& parameter = named.value();
    const auto type = parameter.scalar_type();
    if (type != torch::kFloat32 && type != torch::kFloat64)
      refuse(fmt::format("its parameter {} is {}; float32 or float64 can be trained", named.key(),
                         dtype_name(type)));
    if (any && type != dtype_)
      refuse(fmt::format("its parameter {} is {} and others are {}; use one of them for all",
                         named.key(), dtype_name(type), dtype_name(dtype_)));
    any = true;
    any_trained = any_trained || parameter.requires_grad();
    dtype_ = type;
  }
  for (const auto& named : named_buffers()) {
    if (!dtype_of(named.value().scalar_type()))
      refuse(fmt::format("its buffer {} is {}, which cannot be saved as weights", named.key(),
                         dtype_name(named.value().scalar_type())));
  }
  if (!any_trained)
    refuse("it has no parameter that needs a gradient: nothing to train (is it frozen?)");
}

torch::Tensor ColumnModel::forward(const std::vector<torch::Tensor>& inputs) {
  torch::Tensor output;
  try {
    output = call(inputs);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    refuse(fmt::format("its forward does not take such samples ({})", cause_of(error)));
  }
  return checked(output, inputs.front().size(0));
}

/// What the loss takes.
torch::Tensor ColumnModel::checked(const torch::Tensor& output, std::int64_t samples) const {
  if (!output.defined()) refuse("it gives a tensor that is not defined");
  if (plan_.loss == LossKind::kOwn) return output;
  if (plan_.loss == LossKind::kModel) {
    if (output.dim() == 0 || (output.dim() == 1 && output.size(0) == samples)) return output;
    refuse(
        fmt::format("it gives a tensor of shape {} for {} samples; loss model takes a mean "
                    "without a dimension, or the loss of each sample",
                    shape_text(output), samples));
  }
  if (plan_.loss == LossKind::kCrossEntropy && output.dim() > 2)
    refuse(fmt::format("it gives a tensor of shape {}; loss cross_entropy takes [samples, classes]",
                       shape_text(output)));
  if (output.dim() == 0 || output.size(0) != samples)
    refuse(
        fmt::format("it gives a tensor of shape {} for {} samples; its first dimension must be "
                    "theirs",
                    shape_text(output), samples));
  if (output.scalar_type() != dtype_ && !is_autocast_on())
    refuse(fmt::format("it gives {}; {} is expected, as its parameters are",
                       dtype_name(output.scalar_type()), dtype_name(dtype_)));
  return output.reshape({samples, output.numel() / samples});
}

/// Leaves no gradients.
void ColumnModel::check_gradients(const torch::Tensor& output, bool needs_all) {
  if (!output.requires_grad())
    refuse("its output does not depend on its parameters (is it detached, or under no_grad?)");
  try {
    output.sum().backward();
  } catch (const std::exception& error) {
    refuse(fmt::format("it has no gradients of such samples ({})", cause_of(error)));
  }
  std::string unused;
  for (const auto& named : named_parameters()) {
    const auto& parameter = named.value();
    if (unused.empty() && parameter.requires_grad() && !parameter.grad().defined())
      unused = named.key();
    if (parameter.grad().defined() && parameter.grad().is_sparse())
      refuse(fmt::format("its parameter {} has sparse gradients; make it with sparse=False",
                         named.key()));
  }
  drop_gradients(*this);
  if (needs_all && !unused.empty())
    refuse(
        fmt::format("its parameter {} has no part in the output: several ranks would wait for "
                    "its gradient; give it requires_grad_(False), or use {}",
                    unused, option_name("find-unused-parameters")));
}

std::int64_t ColumnModel::try_out(std::int64_t classes, bool needs_all) {
  std::vector<torch::Tensor> inputs;
  for (const auto& input : plan_.inputs) {
    auto shape = input.shape;
    shape.insert(shape.begin(), kSamplesTried);
    inputs.push_back(torch::zeros(shape, input.is_real ? dtype_ : torch::kInt64));
  }
  std::vector<torch::Tensor> kept;
  for (const auto& buffer : buffers()) kept.push_back(buffer.clone());
  train();
  const auto before = attributes();
  const auto output = forward(inputs);
  check_gradients(output, needs_all);
  const auto after = attributes();
  for (const auto& [name, value] : before) {
    if (after.at(name) != value)
      refuse(
          fmt::format("its forward changes '{}', which is no buffer: a checkpoint would not have "
                      "it; register it as a buffer (register_buffer)",
                      name));
  }
  const torch::NoGradGuard no_gradients;
  train(false);
  const auto evaluated = forward(inputs);
  auto restored = kept.begin();
  for (auto& buffer : buffers()) buffer.copy_(*restored++);
  if (plan_.is_opaque()) return 0;
  if (evaluated.size(1) != output.size(1))
    refuse(fmt::format("it gives {} numbers for a sample in training and {} in evaluation",
                       output.size(1), evaluated.size(1)));
  check_outputs(output.size(1), classes);
  return output.size(1);
}

void ColumnModel::check_outputs(std::int64_t outputs, std::int64_t classes) const {
  if (classes > outputs)
    refuse(fmt::format("it gives {} numbers for a sample, and '{}' has {} classes", outputs,
                       plan_.target, classes));
  if (classes == 0 && outputs != plan_.outputs)
    refuse(fmt::format("it gives {} numbers for a sample, and '{}' has {}", outputs, plan_.target,
                       plan_.outputs));
}

}  // namespace ringfeed
