// Options against each other and against the schema.
#include "train/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/option.hpp"
#include "feed/decoded_columns.hpp"
#include "run/world.hpp"

namespace ringfeed {
namespace {

constexpr std::int64_t kHiddenMax = 65'536;
constexpr std::size_t kHiddenLayersMax = 64;
/// What five halvings leave a pixel of.
constexpr std::int64_t kResNetSideMin = 32;
constexpr std::uint64_t kBatchMax = std::uint64_t{1} << 31;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

void check(bool fits, const std::string& message) {
  if (!fits) refuse(message);
}

template <typename Kind, std::size_t n>
Kind choose(std::string_view what, std::string_view name,
            const std::array<std::pair<std::string_view, Kind>, n>& all) {
  std::vector<std::string_view> names;
  for (const auto& [each, kind] : all) {
    if (each == name) return kind;
    names.push_back(each);
  }
  refuse(fmt::format("unknown {} '{}'; use one of {}", what, name, fmt::join(names, ", ")));
}

constexpr std::array<std::pair<std::string_view, LossKind>, 4> kLosses = {
    {{"mse", LossKind::kMse},
     {"cross_entropy", LossKind::kCrossEntropy},
     {"bce", LossKind::kBce},
     {"model", LossKind::kModel}}};
constexpr std::array<std::pair<std::string_view, OptimizerKind>, 3> kOptimizers = {
    {{"sgd", OptimizerKind::kSgd},
     {"adam", OptimizerKind::kAdam},
     {"adamw", OptimizerKind::kAdamW}}};
constexpr std::array<std::pair<std::string_view, ScheduleKind>, 4> kSchedules = {
    {{"constant", ScheduleKind::kConstant},
     {"step", ScheduleKind::kStep},
     {"cosine", ScheduleKind::kCosine},
     {"one-cycle", ScheduleKind::kOneCycle}}};
constexpr std::array<std::pair<std::string_view, GradientCompression>, 3> kCompressions = {
    {{"none", GradientCompression::kNone},
     {"bfloat16", GradientCompression::kBFloat16},
     {"float16", GradientCompression::kFloat16}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kParallels = {
    {{"ddp", false}, {"data-parallel", true}}};
constexpr std::array<std::pair<std::string_view, DeviceKind>, 3> kDevices = {
    {{"auto", DeviceKind::kAuto}, {"cpu", DeviceKind::kCpu}, {"cuda", DeviceKind::kCuda}}};

ModelKind model_of(const TrainOptions& options, const GivenParts& given) {
  if (given.model) return ModelKind::kOwn;
  if (is_model_file(options.model)) {
    check(!options.model.ends_with(".pt2"),
          fmt::format("{}: an exported program is not trained; save the module as TorchScript, by "
                      "torch.jit.script(module).save(\"{}\")",
                      options.model, options.model.substr(0, options.model.size() - 1)));
    return ModelKind::kFile;
  }
  check(options.output_index.empty(),
        fmt::format("{} is for the model of a file; {} has one output", option_name("output-index"),
                    options.model));
  for (const auto& [name, kind] : kModels) {
    if (name == options.model) return kind;
  }
  refuse(fmt::format("unknown model '{}'; use one of {}", options.model, kModelChoices));
}

std::string_view name_of(ModelKind model) {
  const auto is_it = [&](const auto& named) { return named.second == model; };
  return std::ranges::find_if(kModels, is_it)->first;
}

bool is_scalar(const ColumnSpec& column) {
  return column.elements() == 1 && column.shape.size() <= 1;
}

void check_numbers(const TrainOptions& options) {
  check_bounds("lr", options.learning_rate);
  check_bounds("momentum", options.momentum);
  if (options.weight_decay) check_bounds("weight-decay", *options.weight_decay);
  check_bounds("decay", options.decay);
  if (options.clip_norm) check_bounds("clip-norm", *options.clip_norm);
  check_bounds("accumulate", options.accumulate);
  check_bounds("label-smoothing", options.label_smoothing);
  if (options.top_k) check_bounds("top-k", *options.top_k);
  if (options.patience) check_bounds("patience", *options.patience);
  if (options.ema_decay) check_bounds("ema-decay", *options.ema_decay);
  check_bounds("epochs", options.epochs);
  check_bounds("threads", options.threads);
  check_bounds("decode-threads", options.decode_threads);
  check_bounds("collective-timeout",
               std::chrono::duration<double>(options.collective_timeout).count());
  check(options.on_nan == "stop" || options.on_nan == "continue",
        fmt::format("on_nan is stop or continue, not '{}'", options.on_nan));
}

void check_checkpoints(const TrainOptions& options) {
  const bool folder = !options.checkpoint_dir.empty();
  check(options.checkpoint_every == 0 || folder,
        fmt::format("checkpoints every so many steps need a folder; name it ({})",
                    option_name("checkpoint-dir")));
  check(options.resume != "auto" || folder,
        fmt::format("{} goes on from the newest checkpoint of a folder; name it ({})",
                    option_name("resume", "auto"), option_name("checkpoint-dir")));
  check_bounds("checkpoint-keep", options.checkpoint_keep);
}

std::uint64_t global_batch_of(const TrainOptions& options, int world_size) {
  const auto ranks = static_cast<std::uint64_t>(world_size);
  if (options.batch_size_per_rank)
    check_bounds("batch-size-per-rank", *options.batch_size_per_rank);
  else
    check_bounds("batch-size", options.global_batch);
  const std::uint64_t asked = options.batch_size_per_rank.value_or(options.global_batch);
  check(asked <= kBatchMax,
        fmt::format("a batch size of {} is over the limit of {}", asked, kBatchMax));
  const std::uint64_t batch = options.batch_size_per_rank ? asked * ranks : asked;
  check(batch >= ranks,
        fmt::format(
            "a batch of {} is too small for {} ranks: each needs a sample in every step; use a "
            "batch size of at least {}, or fewer ranks",
            batch, ranks, ranks));
  return batch;
}

std::vector<std::int64_t> hidden_of(const TrainOptions& options, ModelKind model) {
  if (model == ModelKind::kOwn) return {};
  if (model == ModelKind::kLinear || model == ModelKind::kFile || is_resnet(model)) {
    check(options.hidden.empty(),
          fmt::format("model {} has no hidden layers to choose; leave them out, or use mlp",
                      options.model));
    return {};
  }
  check(options.hidden.size() <= kHiddenLayersMax,
        fmt::format("{} hidden layers are over the limit of {}", options.hidden.size(),
                    kHiddenLayersMax));
  for (const auto size : options.hidden) {
    check(size >= 1 && size <= kHiddenMax,
          fmt::format("a hidden layer has 1 to {} units, not {}", kHiddenMax, size));
  }
  if (!options.hidden.empty()) return options.hidden;
  if (model == ModelKind::kTransformer) return {128, 128};
  return model == ModelKind::kMlp ? std::vector<std::int64_t>{256, 256}
                                  : std::vector<std::int64_t>{128};
}

/// The option of ingest that makes a tensor of such a column, and what is there where none does.
std::string remedy_for(const ColumnSpec& column) {
  constexpr std::string_view kOwnModel = "or train a model of your own on it (docs/python.md)";
  if (column.kind == ColumnKind::kString)
    return fmt::format(": ingest it with {}, or numbers as text with {}, {}",
                       option_name("classes", column.name),
                       option_name("schema", column.name + "=float32"), kOwnModel);
  if (column.kind == ColumnKind::kList)
    return fmt::format(": ingest lists of one length with {}, {}",
                       option_name("tensor", column.name + ":LENGTH"), kOwnModel);
  return fmt::format(": where it is the bytes of a picture, say what becomes of it with {}, {}",
                     option_name("decode", column.name + "=STEPS"), kOwnModel);
}

const ColumnSpec& tensor_column(const Schema& schema, std::string_view role,
                                const std::string& name) {
  if (name.empty()) refuse(fmt::format("name the {} column", role));
  const ColumnSpec& column = schema.at(name);
  check(column.kind == ColumnKind::kTensor,
        fmt::format("the {} column '{}' is {}; it must be a tensor, of the same "
                    "shape in each sample{}",
                    role, name, column.type_name(), remedy_for(column)));
  return column;
}

/// Whether a transformer looks the elements up in a table.
bool is_token_column(const ColumnSpec& column, ModelKind model) {
  return model == ModelKind::kTransformer && is_integer(column.dtype) && column.shape.size() == 1;
}

/// The columns that the input names: one, or several.
std::vector<PlanInput> inputs_of(const Schema& schema, const std::string& names, ModelKind model) {
  std::vector<PlanInput> inputs;
  std::string_view rest = names;
  while (true) {
    const auto end = schema.find(rest) != nullptr ? std::string_view::npos : rest.find(',');
    const ColumnSpec& column = tensor_column(schema, "input", std::string(rest.substr(0, end)));
    const bool is_token = is_token_column(column, model);
    const bool is_byte = column.dtype == DType::kUInt8 && !is_token;
    const bool is_real = !is_token && (!takes_columns(model) || is_byte || is_float(column.dtype));
    inputs.push_back({column.name, column.elements(), is_byte ? 255 : 1, column.shape, is_real});
    if (end == std::string_view::npos) return inputs;
    rest.remove_prefix(end + 1);
  }
}

/// [length] of tokens, [length, features] of numbers.
std::vector<std::int64_t> sequence_shape_of(const ColumnSpec& input) {
  check(input.shape.size() == 1 || input.shape.size() == 2,
        fmt::format("model transformer takes samples of [length, features], or [length] of token "
                    "ids or numbers; '{}' is {}",
                    input.name, input.type_name()));
  if (input.shape.size() == 2 || is_token_column(input, ModelKind::kTransformer))
    return input.shape;
  return {input.shape[0], 1};
}

std::vector<std::int64_t> input_shape_of(const Schema& schema, const std::vector<PlanInput>& inputs,
                                         ModelKind model) {
  if (takes_columns(model)) return inputs[0].shape;
  if (inputs.size() > 1) {
    check(model == ModelKind::kLinear || model == ModelKind::kMlp,
          fmt::format("model {} takes one input column; name one, or use mlp", name_of(model)));
    std::int64_t elements = 0;
    for (const auto& input : inputs) elements += input.elements;
    return {elements};
  }
  const ColumnSpec& input = schema.at(inputs[0].column);
  if (model == ModelKind::kTransformer) return sequence_shape_of(input);
  if (is_resnet(model)) {
    check(
        input.shape.size() == 3 && input.shape[0] == 3 && input.shape[1] >= kResNetSideMin &&
            input.shape[2] >= kResNetSideMin,
        fmt::format("a resnet takes samples of [3, height, width], each side at least {}; '{}' is "
                    "{}; use cnn, or decode it to such a shape",
                    kResNetSideMin, input.name, input.type_name()));
    return input.shape;
  }
  if (model != ModelKind::kCnn)
    return input.shape.empty() ? std::vector<std::int64_t>{1} : input.shape;
  auto shape = input.shape;
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  check(shape.size() == 3 && shape[1] >= 2 && shape[2] >= 2,
        fmt::format("model cnn takes samples of [height, width] or [channels, height, width], each "
                    "side at least 2; "
                    "'{}' is {}; use mlp, or ingest it with such a shape",
                    input.name, input.type_name()));
  return shape;
}

/// Whether the target's dtype and shape fit the loss.
void check_target(const ColumnSpec& target, LossKind loss) {
  switch (loss) {
    case LossKind::kMse:
      check(is_float(target.dtype),
            fmt::format("loss mse needs a floating-point target; '{}' is {}; ingest it with {}, or "
                        "use cross_entropy for classes",
                        target.name, target.type_name(),
                        option_name("schema", target.name + "=float32")));
      return;
    case LossKind::kCrossEntropy:
      check(is_integer(target.dtype),
            fmt::format("loss cross_entropy needs whole numbers as labels; '{}' is {}; ingest it "
                        "with {}, or use mse (numbers) or bce (yes or no)",
                        target.name, target.type_name(),
                        option_name("schema", target.name + "=int64")));
      check(is_scalar(target),
            fmt::format("loss cross_entropy needs one label per sample; '{}' is {}", target.name,
                        target.type_name()));
      return;
    case LossKind::kBce:
    case LossKind::kModel:
    case LossKind::kOwn:
      return;
  }
}

void check_class_weights(const TrainOptions& options, LossKind loss) {
  check(options.class_weights.empty() || loss == LossKind::kCrossEntropy,
        "class weights are for loss cross_entropy only");
  bool any = options.class_weights.empty();
  for (const double weight : options.class_weights) {
    check(std::isfinite(weight) && weight >= 0,
          fmt::format("a class weight is at least 0, not {}", weight));
    any = any || weight > 0;
  }
  check(any, "all class weights are 0: nothing would be learned");
}

void check_schedule(const TrainOptions& options, ScheduleKind schedule) {
  const bool is_step = schedule == ScheduleKind::kStep;
  check(is_step == (options.decay_every > 0),
        is_step ? fmt::format("schedule step needs the steps after which the rate falls; name them "
                              "({})",
                              option_name("decay-every"))
                : fmt::format("{} is for {}", option_name("decay-every"),
                              option_name("schedule", "step")));
}

void check_classes_only(const TrainOptions& options, LossKind loss) {
  if (loss == LossKind::kCrossEntropy) return;
  check(options.label_smoothing == 0,
        fmt::format("{} is for loss cross_entropy only", option_name("label-smoothing")));
  check(!options.top_k, fmt::format("{} is for loss cross_entropy only", option_name("top-k")));
}

void choose_loss_and_optimizer(Plan& plan, const TrainOptions& options, const GivenParts& given) {
  if (given.loss_and_optimizer) {
    plan.loss = LossKind::kOwn;
    plan.optimizer = OptimizerKind::kOwn;
    return;
  }
  plan.loss = choose("loss", options.loss, kLosses);
  plan.optimizer = choose("optimizer", options.optimizer, kOptimizers);
  check(plan.optimizer == OptimizerKind::kSgd || options.momentum == 0,
        fmt::format("optimizer {} has no momentum to set; leave it out, or use sgd",
                    options.optimizer));
  check_class_weights(options, plan.loss);
  plan.weight_decay =
      options.weight_decay.value_or(plan.optimizer == OptimizerKind::kAdamW ? 0.01 : 0.0);
}

void take_target(Plan& plan, const Schema& schema, const TrainOptions& options) {
  const ColumnSpec& target = tensor_column(schema, "target", options.target);
  check_target(target, plan.loss);
  plan.target = target.name;
  plan.outputs = plan.loss == LossKind::kCrossEntropy || plan.is_opaque() ? 0 : target.elements();
  plan.needs_target_values = plan.loss == LossKind::kCrossEntropy ||
                             (plan.loss == LossKind::kBce && target.dtype != DType::kBool);
}

/// What the model takes of the options.
void check_model(const TrainOptions& options, const Plan& plan) {
  check(plan.loss != LossKind::kModel || takes_columns(plan.model),
        fmt::format("loss model is for the model of a file, which gives its loss; {} has an output",
                    options.model));
  check(options.precision == "float32" || options.precision == "bfloat16",
        fmt::format("precision is float32 or bfloat16, not '{}'", options.precision));
  if (plan.model != ModelKind::kTransformer) return;
  check_bounds("width", options.width);
  check_bounds("heads", options.heads);
  check(options.width % options.heads == 0,
        fmt::format("{} of a transformer is no multiple of {}",
                    option_name("width", fmt::to_string(options.width)),
                    option_name("heads", fmt::to_string(options.heads))));
  check(!plan.data_parallel,
        "model transformer is not copied to several devices of one process; use parallel ddp");
}

}  // namespace

Plan Plan::make(const TrainOptions& options, const Schema& stored, int world_size,
                const GivenParts& given) {
  const Schema schema{DecodedColumns(stored.columns, options.decode).columns()};
  Plan plan;
  plan.model = model_of(options, given);
  plan.model_name = given.model ? "of the caller" : options.model;
  plan.hidden = hidden_of(options, plan.model);
  plan.data_parallel = choose("parallel mode", options.parallel, kParallels);
  plan.device = choose("device", options.device, kDevices);
  check(!plan.data_parallel || world_size == 1,
        fmt::format(
            "parallel data-parallel is one process, but there are {} ranks; use ddp, or one rank",
            world_size));
  check(!plan.data_parallel || !given.model,
        "a model of the caller is not copied to several devices of one process; use parallel ddp");
  check_numbers(options);
  check_checkpoints(options);
  plan.compression = choose("compression of gradients", options.compress_gradients, kCompressions);
  plan.schedule = choose("schedule", options.schedule, kSchedules);
  check_schedule(options, plan.schedule);
  plan.global_batch = global_batch_of(options, world_size);
  choose_loss_and_optimizer(plan, options, given);
  check_classes_only(options, plan.loss);
  check_model(options, plan);

  plan.inputs = inputs_of(schema, options.input, plan.model);
  plan.input_shape = input_shape_of(schema, plan.inputs, plan.model);
  plan.has_tokens = is_token_column(schema.at(plan.inputs[0].column), plan.model);
  if (plan.loss != LossKind::kModel || !options.target.empty()) take_target(plan, schema, options);
  return plan;
}

OrderOptions order_of(const TrainOptions& options, const Plan& plan) {
  return {options.seed,   options.shuffle,   options.lanes,
          options.window, plan.global_batch, options.tail};
}

}  // namespace ringfeed
