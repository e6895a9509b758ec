// Loads TorchScript, shows its tensors to torch::nn, and finds what does not fit before a step.
#include "train/script_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/csrc/jit/python/update_graph_executor_opt.h>
#include <torch/csrc/jit/serialization/import.h>

#include <charconv>
#include <filesystem>
#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>
#include <sstream>
#include <string_view>
#include <unordered_set>

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/option.hpp"
#include "train/torch_error.hpp"
#include "train/zip_file.hpp"

namespace ringfeed {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 40;

/// Registers the tensors of `script` and of what is in it with `module`, under their own names. A
/// buffer whose elements share memory gets memory of its own: it could not be written.
void show(const torch::jit::Module& script, torch::nn::Module& module) {
  for (const auto& parameter : script.named_parameters(/*recurse=*/false))
    module.register_parameter(parameter.name, parameter.value, parameter.value.requires_grad());
  for (const auto& buffer : script.named_buffers(/*recurse=*/false)) {
    auto value = buffer.value;
    if (!value.is_non_overlapping_and_dense()) {
      value = value.clone(torch::MemoryFormat::Contiguous);
      torch::jit::Module(script).setattr(buffer.name, value);
    }
    module.register_buffer(buffer.name, value);
  }
  for (const auto& child : script.named_children()) {
    const auto shown = std::make_shared<torch::nn::Module>();
    show(child.value, *shown);
    module.register_module(child.name, shown);
  }
}

/// Whether a graph has dropout or batch norm that is on, or off, whatever the model is told.
struct Fixed {
  bool on = false;
  bool off = false;

  void look(const torch::jit::Block& block) {
    for (const auto* node : block.nodes()) {
      for (const auto* inner : node->blocks()) look(*inner);
      const std::string_view kind = node->kind().toQualString();
      if (kind == "aten::batch_norm") take(node->input(5));
      if (kind == "aten::dropout" || kind == "aten::feature_dropout") take(node->input(2));
    }
  }

 private:
  void take(const torch::jit::Value* training) {
    const auto value = torch::jit::toIValue(training);
    if (!value || !value->isBool()) return;
    (value->toBool() ? on : off) = true;
  }
};

}  // namespace

ScriptModel::ScriptModel(const TrainOptions& options, const Plan& plan)
    : ColumnModel(options.model, plan), path_(options.model), output_index_(options.output_index) {
  // What it would fuse, it would compile anew for each size of a batch.
  torch::jit::setGraphExecutorOptimize(false);
  if (std::filesystem::exists(path_) && !std::filesystem::is_regular_file(path_))
    refuse("it is no file; name one of TorchScript");
  const std::string bytes = read_file(path_, kFileBytesMax);
  hash_ = fmt::format("{:016x}", hash_bytes(bytes));
  if (const auto fault = zip_fault(bytes); !fault.empty()) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}: {}; restore it from a copy, or save the model again", path_, fault));
  }
  try {
    std::istringstream stream(bytes);
    script_ = torch::jit::load(stream, torch::Device(torch::kCPU));
  } catch (const std::exception&) {  // which says how a zip file is damaged, whatever it is
    refuse(
        "no model: a file of TorchScript is expected, as torch.jit.script(model).save() writes it");
  }
  check_arguments();
  show(script_, *this);
  look_at_tensors();
}

void ScriptModel::check_arguments() const {
  const auto method = script_.find_method("forward");
  if (!method) refuse("it has no forward");
  const auto& arguments = method->function().getSchema().arguments();
  std::vector<std::string> names;
  std::size_t needed = 0;
  for (std::size_t i = 1; i < arguments.size(); ++i) {  // behind self
    names.push_back(arguments[i].name());
    if (!arguments[i].default_value()) needed = i;
    const bool is_input = i <= plan().inputs.size();
    if (is_input && !arguments[i].type()->isSubtypeOf(*c10::TensorType::get()))
      refuse(fmt::format("its forward takes '{}' as {}; it must be a Tensor", names.back(),
                         arguments[i].type()->annotation_str()));
  }
  if (plan().inputs.size() >= needed && plan().inputs.size() <= names.size()) return;
  std::vector<std::string> columns;
  for (const auto& input : plan().inputs) columns.push_back(input.column);
  refuse(
      fmt::format("its forward takes {} input{} ({}), and {} names {} ({}); name a column for "
                  "each, in their order",
                  names.size(), names.size() == 1 ? "" : "s", fmt::join(names, ", "),
                  option_name("input"), columns.size(), fmt::join(columns, ", ")));
}

torch::Tensor ScriptModel::chosen(const torch::jit::IValue& output) const {
  if (output.isTensor() && output_index_.empty()) return output.toTensor();
  const auto several = [&](const std::string& what) {
    const auto remedy = fmt::format("name one ({})", option_name("output-index"));
    refuse(fmt::format("it gives {}; {}", what, remedy));
  };
  if (output.isGenericDict()) {
    std::vector<std::string> keys;
    for (const auto& entry : output.toGenericDict()) {
      const bool is_text = entry.key().isString();
      keys.push_back(is_text ? entry.key().toStringRef() : "?");
      if (is_text && keys.back() == output_index_ && entry.value().isTensor())
        return entry.value().toTensor();
    }
    several(fmt::format("a dict ({})", fmt::join(keys, ", ")));
  }
  std::vector<torch::jit::IValue> values;
  if (output.isTuple()) values = output.toTupleRef().elements().vec();
  if (output.isTensorList())
    for (const torch::Tensor& tensor : output.toTensorList()) values.emplace_back(tensor);
  if (values.empty()) {
    if (output.isTensor())
      refuse(fmt::format("it gives one tensor; leave {} out", option_name("output-index")));
    refuse(fmt::format("it gives {}; a tensor is expected", output.tagKind()));
  }
  std::size_t index = values.size();
  const auto* const end = output_index_.data() + output_index_.size();
  const auto read = std::from_chars(output_index_.data(), end, index);
  if (read.ec != std::errc() || read.ptr != end || index >= values.size() ||
      !values[index].isTensor())
    several(fmt::format("{} values, counted from 0", values.size()));
  return values[index].toTensor();
}

torch::Tensor ScriptModel::call(const std::vector<torch::Tensor>& inputs) {
  return chosen(script_.forward({inputs.begin(), inputs.end()}));
}

void ScriptModel::train(bool on) {
  Module::train(on);
  script_.train(on);
}

std::map<std::string, std::string> ScriptModel::attributes() const {
  std::unordered_set<const void*> known;
  for (const auto& tensor : parameters()) known.insert(tensor.unsafeGetTensorImpl());
  for (const auto& tensor : buffers()) known.insert(tensor.unsafeGetTensorImpl());
  std::map<std::string, std::string> texts;
  for (const auto& attribute : script_.named_attributes()) {
    const auto& value = attribute.value;
    if (value.isModule() || value.isObject()) continue;
    std::ostringstream text;
    if (!value.isTensor()) {
      text << value;
    } else if (value.toTensor().defined()) {
      if (known.contains(value.toTensor().unsafeGetTensorImpl())) continue;
      const auto tensor = value.toTensor().detach().cpu().contiguous();
      text << hash_bytes(tensor.const_data_ptr(), tensor.nbytes());
    }
    texts.emplace(attribute.name, text.str());
  }
  return texts;
}

std::string ScriptModel::advice() const {
  Fixed fixed;
  for (const auto& module : script_.modules()) {
    if (const auto method = module.find_method("forward")) fixed.look(*method->graph()->block());
  }
  if (fixed.on)
    return fmt::format(
        "{}: dropout or batch norm was traced in training, and stays on in "
        "evaluation; torch.jit.script keeps both",
        path_);
  if (fixed.off)
    return fmt::format(
        "{}: dropout or batch norm was traced in evaluation, and stays off in "
        "training; torch.jit.script keeps both",
        path_);
  return "";
}

}  // namespace ringfeed
