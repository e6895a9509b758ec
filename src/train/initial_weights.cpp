// By names and shapes.
#include "train/initial_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>

#include <algorithm>
#include <map>
#include <ringfeed/error.hpp>

#include "base/file.hpp"
#include "base/option.hpp"
#include "train/safetensors.hpp"
#include "train/tensor_dtype.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kWeightsBytesMax = std::uint64_t{1} << 40;
constexpr std::size_t kNamesTold = 5;

std::map<std::string, torch::Tensor> tensors_of(const torch::nn::Module& model) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& named : model.named_parameters()) tensors.emplace(named.key(), named.value());
  for (const auto& named : model.named_buffers()) tensors.emplace(named.key(), named.value());
  return tensors;
}

std::string listed(std::vector<std::string> names) {
  const auto count = names.size();
  if (count <= kNamesTold) return fmt::format("{}", fmt::join(names, ", "));
  names.resize(kNamesTold);
  return fmt::format("{} and {} more", fmt::join(names, ", "), count - kNamesTold);
}

}  // namespace

std::string take_weights(torch::nn::Module& model, const std::string& path) {
  const std::string bytes = read_file(path, kWeightsBytesMax);
  std::vector<NamedTensor> tensors;
  try {
    tensors = read_safetensors(bytes);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", path, error.what()));
  }
  const torch::NoGradGuard no_gradients;
  auto own = tensors_of(model);
  const auto all = own.size();
  std::vector<std::string> left;
  for (const auto& tensor : tensors) {
    const auto found = own.find(tensor.name);
    const auto type = torch_dtype_of(tensor.dtype);
    if (found == own.end() || found->second.sizes().vec() != tensor.shape ||
        found->second.is_floating_point() != c10::isFloatingType(type)) {
      left.push_back(tensor.name);
      continue;
    }
    found->second.copy_(torch::from_blob(const_cast<void*>(tensor.data), tensor.shape, type));
    own.erase(found);
  }
  if (own.size() == all) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: none of its {} tensors has name and shape of one of the model ({})", path,
                    tensors.size(), listed({own.begin()->first})));
  }
  std::vector<std::string> new_ones;
  for (const auto& [name, tensor] : own) new_ones.push_back(name);
  std::string told;
  if (!new_ones.empty())
    told = fmt::format("{}: {} of the model's {} tensors are not in it, and begin anew: {}", path,
                       new_ones.size(), all, listed(new_ones));
  if (!left.empty())
    told += fmt::format(
        "{}{} of its tensors are not taken, as the model has none of their name "
        "and shape: {}",
        told.empty() ? path + ": " : "; ", left.size(), listed(left));
  return told;
}

void freeze(torch::nn::Module& model, const std::vector<std::string>& prefixes) {
  if (prefixes.empty()) return;
  const auto parameters = model.named_parameters();
  for (const auto& prefix : prefixes) {
    bool any = false;
    for (const auto& named : parameters) {
      if (!named.key().starts_with(prefix)) continue;
      any = true;
      torch::Tensor(named.value()).set_requires_grad(false);
    }
    if (any && !prefix.empty()) continue;
    std::vector<std::string> names;
    for (const auto& named : parameters) names.push_back(named.key());
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: no parameter has a name that begins so; they are {}",
                            option_name("freeze", prefix), listed(names)));
  }
  const auto is_trained = [](const auto& named) { return named.value().requires_grad(); };
  if (std::none_of(parameters.begin(), parameters.end(), is_trained)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: all parameters of the model begin so: nothing is left to train",
                            option_name("freeze", fmt::format("{}", fmt::join(prefixes, ",")))));
  }
}

}  // namespace ringfeed
