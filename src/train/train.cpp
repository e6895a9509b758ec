// train() and train_with(): what is trained is looked at, the ranks agree on it, and one loop
// trains it.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <fmt/format.h>
#include <malloc.h>
#include <torch/utils.h>
#include <torch/version.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <ringfeed/train_with.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/option.hpp"
#include "feed/decoded_columns.hpp"
#include "run/world.hpp"
#include "train/agreement.hpp"
#include "train/cuda.hpp"
#include "train/initial_weights.hpp"
#include "train/models.hpp"
#include "train/own_model.hpp"
#include "train/plan.hpp"
#include "train/process_group.hpp"
#include "train/resume.hpp"
#include "train/script_model.hpp"
#include "train/target_values.hpp"
#include "train/torch_error.hpp"
#include "train/trainer.hpp"

namespace ringfeed {
namespace {

/// Has the memory of a step stay with the process: glibc gives each larger block back to the system
/// and fetches it anew in the next step, page by page. That took a tenth of a cnn's time.
void keep_memory() {
  constexpr int kMapThresholdBytes = 32 << 20;  // the most that glibc takes
  constexpr int kTrimThresholdBytes = 1 << 30;
  constexpr int kTopPadBytes = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, kMapThresholdBytes);
  mallopt(M_TRIM_THRESHOLD, kTrimThresholdBytes);
  mallopt(M_TOP_PAD, kTopPadBytes);
}

/// What makes two runs equal to the last bit.
void make_deterministic(int threads, std::uint64_t seed) {
  at::set_num_threads(threads);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  // Filling fresh memory with NaN, to find uses of it, would cost a pass over every tensor.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  torch::manual_seed(seed);
}

/// The device of this rank; with data-parallel all CUDA devices of the process.
std::vector<torch::Device> devices_of(const Plan& plan, const World& world) {
  std::vector<torch::Device> devices = {
      choose_device(plan.device, world.local_rank, world.local_size)};
  if (plan.data_parallel && devices.front().is_cuda()) {
    for (int i = 1; i < cuda_device_count(); ++i)
      devices.emplace_back(torch::kCUDA, static_cast<c10::DeviceIndex>(i));
  }
  return devices;
}

std::string text_of(const std::vector<torch::Device>& devices) {
  return devices.size() == 1 ? devices.front().str()
                             : fmt::format("{} CUDA devices", devices.size());
}

/// What all ranks must have been started with alike.
nlohmann::json start_of(const TrainOptions& options, const Plan& plan, const Dataset& dataset) {
  auto start = nlohmann::json::parse(encode_position({}, dataset, order_of(options, plan)));
  start["epochs"] = options.epochs;
  start["model"] = plan.model_name;
  start["output_index"] = options.output_index;
  start["hidden"] = plan.hidden;
  start["input"] = options.input;
  start["target"] = options.target;
  start["decode"] = full_texts(options.decode);
  start["loss"] = options.loss;
  start["optimizer"] = options.optimizer;
  start["lr"] = options.learning_rate;
  start["momentum"] = options.momentum;
  start["weight_decay"] = plan.weight_decay;
  start["class_weights"] = options.class_weights;
  start["width"] = options.width;
  start["heads"] = options.heads;
  start["precision"] = options.precision;
  start["channels_last"] = options.channels_last;
  start["compress_gradients"] = options.compress_gradients;
  start["find_unused_parameters"] = options.find_unused_parameters;
  start["schedule"] = options.schedule;
  start["warm_up"] = options.warm_up;
  start["decay_every"] = options.decay_every;
  start["decay"] = options.decay;
  start["clip_norm"] = options.clip_norm.value_or(0);
  start["label_smoothing"] = options.label_smoothing;
  start["top_k"] = options.top_k.value_or(0);
  start["patience"] = options.patience.value_or(0);
  start["ema_decay"] = options.ema_decay.value_or(-1);
  start["init"] = options.init;
  start["freeze"] = options.freeze;
  start["ledger"] = !options.ledger.empty();
  start["checkpoint_every"] = options.checkpoint_every;
  start["step_log"] = options.step != nullptr || options.interval != nullptr;
  start["trial"] = options.trial.has_value();
  start["checkpoints"] = !options.checkpoint_dir.empty();
  return start;
}

/// Of a model that was not built here, before it is trained.
void try_out(ColumnModel& model, const TrainOptions& options, Plan& plan,
             const ProcessGroup& group) {
  const auto classes = plan.loss == LossKind::kCrossEntropy ? plan.outputs : 0;
  plan.outputs = model.try_out(classes, group.size() > 1 && !options.find_unused_parameters);
  const auto advice = model.advice();
  if (group.rank() == 0 && options.warn && !advice.empty()) options.warn(advice);
}

/// What train_with() was given.
struct Given {
  const OwnModel* model = nullptr;
  const LossFunction* loss = nullptr;
  torch::optim::Optimizer* optimizer = nullptr;
};

std::shared_ptr<const Dataset> open_dataset(const TrainOptions& options, const World& world) {
  ConnectionOptions connection = options.connection;
  connection.ranks = world.size;
  // Nothing is in hand yet that could be finished.
  std::stop_source ending;
  const std::stop_callback stopped(options.stop, [&] { ending.request_stop(); });
  const std::stop_callback finished(options.finish, [&] { ending.request_stop(); });
  connection.stop = ending.get_token();
  const auto dataset = Dataset::open(options.url, connection);
  if (dataset->size() == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("split '{}' of {} has no samples to train on", dataset->split(),
                            dataset->url()));
  }
  return dataset;
}

/// Null: a model that is built in.
std::shared_ptr<ColumnModel> make_column_model(const TrainOptions& options, Plan& plan,
                                               const Given& given) {
  if (given.model != nullptr) return std::make_shared<ModelOfCaller>(*given.model, plan);
  if (plan.model != ModelKind::kFile) return nullptr;
  const auto script = std::make_shared<ScriptModel>(options, plan);
  plan.model_name = fmt::format("TorchScript {}", script->hash());
  return script;
}

void check_optimizer(const torch::optim::Optimizer& optimizer, const torch::nn::Module& model) {
  const auto parameters = model.parameters();
  for (const auto& group : optimizer.param_groups()) {
    for (const auto& held : group.params()) {
      const auto is_it = [&](const auto& own) { return own.is_same(held); };
      if (std::ranges::none_of(parameters, is_it)) {
        throw Error(ErrorCode::kInvalidArgument,
                    "the optimizer holds a parameter that the model does not have; make it of "
                    "module->parameters()");
      }
    }
  }
}

/// What all ranks look at together, before the first step. Returns the model, which is made where
/// none is given.
std::shared_ptr<Model> look_at_data(const TrainOptions& options, Plan& plan,
                                    const std::shared_ptr<const Dataset>& dataset,
                                    const std::shared_ptr<ColumnModel>& given,
                                    ProcessGroup& group) {
  require_same(group, start_of(options, plan, *dataset));
  if (plan.needs_target_values) {
    const auto classes = check_target_values(dataset, options, plan.loss, group);
    if (plan.loss == LossKind::kCrossEntropy) plan.outputs = classes;
  }
  if (plan.has_tokens)
    plan.vocabulary = count_token_ids(dataset, options, plan.inputs[0].column, group);
  const std::shared_ptr<Model> model = given != nullptr ? given : make_model(options, plan);
  freeze(*model, options.freeze);
  if (given != nullptr) try_out(*given, options, plan, group);
  if (!options.class_weights.empty() &&
      options.class_weights.size() != static_cast<std::size_t>(plan.outputs)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} class weights do not fit the {} classes of '{}'",
                            options.class_weights.size(), plan.outputs, options.target));
  }
  if (options.top_k && *options.top_k > static_cast<std::uint64_t>(plan.outputs)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is more than the {} classes of '{}'",
                            option_name("top-k", fmt::to_string(*options.top_k)), plan.outputs,
                            options.target));
  }
  return model;
}

void train_on(const TrainOptions& options, const Plan& plan, TrainParts parts,
              const std::shared_ptr<const Dataset>& dataset,
              const std::shared_ptr<ProcessGroup>& group, const std::vector<torch::Device>& devices,
              TrainSummary& summary) {
  Checkpoints checkpoints;
  if (group->rank() == 0) checkpoints = open_checkpoints(options);
  std::optional<Resumed> resumed;
  if (!options.resume.empty())
    resumed = resume(*group, checkpoints.from, *dataset, order_of(options, plan));
  if (resumed) {
    summary.resumed_from = resumed->path;
    summary.start = resumed->position;
  }
  checkpoints.from.reset();
  if (!resumed && group->rank() == 0 && !options.init.empty()) {
    const auto left = take_weights(*parts.model, options.init);
    if (options.warn && !left.empty()) options.warn(left);
  }
  Trainer trainer(options, plan, std::move(parts), dataset, group, devices,
                  resumed ? &*resumed : nullptr,
                  checkpoints.folder ? &*checkpoints.folder : nullptr);
  resumed.reset();  // its bytes are in the trainer now
  trainer.run(summary);
  if (group->rank() == 0 && !options.output.empty()) summary.weights = trainer.save_weights();
}

/// The one door: of models that are built in, of files and of callers.
TrainSummary train_given(const TrainOptions& options, const Given& given) {
  const World world = World::from_environment();
  const auto dataset = open_dataset(options, world);
  Plan plan = Plan::make(options, dataset->schema(), world.size,
                         {given.model != nullptr, given.optimizer != nullptr});
  const auto model = make_column_model(options, plan, given);
  if (given.optimizer != nullptr) check_optimizer(*given.optimizer, *model);
  TrainSummary summary;
  summary.threads = choose_threads(options.threads, world);
  keep_memory();
  make_deterministic(summary.threads, options.seed);
  const auto devices = devices_of(plan, world);
  if ((model != nullptr || is_resnet(plan.model)) && devices.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be copied to several devices of one process; use {}",
                            options.model, option_name("parallel", "ddp")));
  }
  std::shared_ptr<ProcessGroup> group;
  try {
    const c10::DeviceGuard current(devices.front());
    group = ProcessGroup::join({.timeout = options.collective_timeout, .device = devices.front()});
    summary.rank = group->rank();
    summary.world_size = group->size();
    const auto trained = look_at_data(options, plan, dataset, model, *group);
    train_on(options, plan,
             {trained, given.loss != nullptr ? *given.loss : LossFunction(), given.optimizer},
             dataset, group, devices, summary);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    if (group != nullptr) throw group->impl().failure("training", error);
    throw collective_error(world.rank, "training", error);
  }
  const TrainSeconds& seconds = summary.seconds;
  if (seconds.total > 0) {  // else it went on where it had ended
    summary.samples_per_second = static_cast<double>(summary.samples) / seconds.total;
    summary.wait_share = seconds.wait / seconds.total;
  }
  summary.device = text_of(devices);
  summary.dataset_version = dataset->version();
  summary.torch_version = TORCH_VERSION;
  return summary;
}

}  // namespace

TrainSummary train(const TrainOptions& options) { return train_given(options, {}); }

TrainSummary train_with(const OwnModel& model, const TrainOptions& options) {
  return train_given(options, {.model = &model});
}

TrainSummary train_with(const OwnModel& model, const LossFunction& loss,
                        torch::optim::Optimizer& optimizer, const TrainOptions& options) {
  TrainOptions own = options;
  own.loss = own.optimizer = "of the caller";
  own.momentum = 0;
  own.class_weights.clear();
  return train_given(own, {&model, &loss, &optimizer});
}

}  // namespace ringfeed
