// The weights as safetensors, the optimizer as torch writes it.
#include "train/model_state.hpp"

#include <fmt/format.h>
#include <torch/optim/serialize.h>
#include <torch/serialize.h>
#include <torch/utils.h>

#include <map>
#include <memory>
#include <ringfeed/error.hpp>
#include <sstream>

#include "base/file.hpp"
#include "feed/decoded_columns.hpp"
#include "train/checkpoint.hpp"
#include "train/safetensors.hpp"
#include "train/tensor_dtype.hpp"
#include "train/torch_error.hpp"

namespace ringfeed {
namespace {

DType weights_dtype_of(torch::ScalarType type) {
  if (const auto dtype = dtype_of(type)) return *dtype;
  throw Error(ErrorCode::kInternal,
              fmt::format("weights of dtype {} cannot be saved", c10::toString(type)));
}

}  // namespace

void ModelState::load(const Resumed& resumed) {
  const char* file = kDocumentFile;
  try {
    check_fits(resumed);
    load_tensors(resumed, kWeightsFile, resumed.weights, named_tensors());
    if (average_ != nullptr)
      load_tensors(resumed, kAverageFile, resumed.average, average_->values());
    file = kOptimizerFile;
    load_optimizer(resumed);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kBadData, fmt::format("{}/{}: damaged ({}); {}", resumed.path, file,
                                                 first_line(error), remedy_without(resumed.path)));
  }
}

/// What the checkpoint's numbers mean is what they mean here.
void ModelState::check_fits(const Resumed& resumed) const {
  for (const auto& [part, here] : {std::pair("model", nlohmann::json(model())),
                                   std::pair("training", nlohmann::json(training()))}) {
    auto there = resumed.document.at(part);
    for (const auto& [name, value] : here.items()) there.emplace(name, nullptr);
    for (const auto& [name, value] : there.items()) {
      const auto own = here.value(name, nlohmann::json());
      if (own == value) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the checkpoint is of {} {}, and here it is {}: it does not fit",
                              resumed.path, name, value.dump(), own.dump()));
    }
  }
}

void ModelState::load_tensors(const Resumed& resumed, const char* file, const std::string& bytes,
                              const NamedTensors& own_tensors) const {
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kBadData, fmt::format("{}/{}: {}; {}", resumed.path, file, what,
                                                 remedy_without(resumed.path)));
  };
  std::vector<NamedTensor> tensors;
  try {
    tensors = read_safetensors(bytes);
  } catch (const Error& error) {
    refuse(error.what());
  }
  const torch::NoGradGuard no_gradients;
  std::map<std::string, torch::Tensor> missing(own_tensors.begin(), own_tensors.end());
  for (const auto& tensor : tensors) {
    const auto found = missing.extract(tensor.name);
    if (found.empty()) {
      refuse(fmt::format("the model has no tensor {}", tensor.name));
      continue;
    }
    auto& own = found.mapped();
    if (weights_dtype_of(own.scalar_type()) != tensor.dtype || own.sizes().vec() != tensor.shape)
      refuse(fmt::format("tensor {} is not of the model's dtype and shape", tensor.name));
    own.copy_(torch::from_blob(const_cast<void*>(tensor.data), tensor.shape, own.scalar_type()));
  }
  if (!missing.empty()) refuse(fmt::format("tensor {} is missing", missing.begin()->first));
}

void ModelState::load_optimizer(const Resumed& resumed) {
  // The options are those of this start: a learning rate may be changed.
  std::vector<std::unique_ptr<torch::optim::OptimizerOptions>> groups;
  for (const auto& group : optimizer_.param_groups()) groups.push_back(group.options().clone());
  torch::load(optimizer_, resumed.optimizer.data(), resumed.optimizer.size());
  for (std::size_t i = 0; i < groups.size(); ++i)
    optimizer_.param_groups()[i].set_options(std::move(groups[i]));
}

void ModelState::write_weights(const std::string& path) const {
  write_tensors(path, named_tensors());
}

void ModelState::write_average(const std::string& path) const {
  if (average_ != nullptr) write_tensors(path, average_->values());
}

void ModelState::write_tensors(const std::string& path, const NamedTensors& named) const {
  std::vector<torch::Tensor> held;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, any] : named) {
    const auto& tensor = held.emplace_back(any.detach().cpu().contiguous());
    tensors.push_back({name, weights_dtype_of(tensor.scalar_type()), tensor.sizes().vec(),
                       tensor.const_data_ptr(), tensor.nbytes()});
  }
  write_safetensors(path, std::move(tensors), {{"format", "pt"}, {"ringfeed", model().dump()}});
}

void ModelState::write_optimizer(const std::string& path) const {
  std::ostringstream bytes;
  torch::save(optimizer_, bytes);
  replace_file(path, [&](File& file) { file.write(bytes.view()); });
}

nlohmann::ordered_json ModelState::model() const {
  nlohmann::ordered_json divisors;
  for (const auto& input : plan_.inputs) divisors.push_back(input.divisor);
  nlohmann::ordered_json model = {{"model", plan_.model_name},
                                  {"hidden", plan_.hidden},
                                  {"input", options_.input},
                                  {"input_shape", plan_.input_shape},
                                  {"input_divisor", divisors.size() == 1 ? divisors[0] : divisors},
                                  {"target", options_.target},
                                  {"loss", options_.loss},
                                  {"outputs", plan_.outputs}};
  if (plan_.model == ModelKind::kTransformer) {
    model["width"] = options_.width;
    model["heads"] = options_.heads;
    model["vocabulary"] = plan_.vocabulary;
  }
  return model;
}

nlohmann::ordered_json ModelState::training() const {
  nlohmann::ordered_json training = {{"optimizer", options_.optimizer},
                                     {"parallel", options_.parallel},
                                     {"decode", full_texts(options_.decode)},
                                     {"class_weights", options_.class_weights}};
  if (options_.label_smoothing > 0) training["label_smoothing"] = options_.label_smoothing;
  if (!options_.freeze.empty()) training["freeze"] = options_.freeze;
  if (average_ != nullptr) training["ema_decay"] = *options_.ema_decay;
  return training;
}

/// Parameters and buffers, by their names in a file of weights.
NamedTensors ModelState::named_tensors() const {
  auto tensors = module_.named_parameters().pairs();
  for (const auto& buffer : module_.named_buffers()) tensors.push_back(buffer.pair());
  return tensors;
}

}  // namespace ringfeed
