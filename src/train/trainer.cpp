// The training loop of one rank: feed, forward, loss, backward with all-reduce, optimizer;
// evaluation; weights.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/optim/optimizer.h>
#include <torch/utils.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/image.hpp>
#include <ringfeed/ledger.hpp>
#include <ringfeed/torch.hpp>
#include <ringfeed/train.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/option.hpp"
#include "base/random.hpp"
#include "feed/decoded_columns.hpp"
#include "run/world.hpp"
#include "train/agreement.hpp"
#include "train/cuda.hpp"
#include "train/evaluation.hpp"
#include "train/loss_check.hpp"
#include "train/losses.hpp"
#include "train/model.hpp"
#include "train/model_state.hpp"
#include "train/models.hpp"
#include "train/plan.hpp"
#include "train/process_group.hpp"
#include "train/reporter.hpp"
#include "train/resume.hpp"
#include "train/script_model.hpp"
#include "train/step_log.hpp"
#include "train/sums.hpp"
#include "train/target_values.hpp"
#include "train/torch_error.hpp"
#include "train/train_meters.hpp"
#include "train/trial.hpp"

namespace ringfeed {
namespace {

/// Of batches that go to a CUDA device: from there they are copied without a stop on the way.
std::shared_ptr<void> pinned_memory(std::size_t bytes) {
  const auto tensor = torch::empty({static_cast<std::int64_t>(bytes)},
                                   torch::TensorOptions(torch::kUInt8).pinned_memory(true));
  return {tensor.data_ptr(), [tensor](void*) {}};
}

/// `asked`: 0 for the cores of this rank.
int choose_threads(int asked, const World& world) {
  if (asked > 0) return asked;
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / world.local_size);
}

/// What makes two runs equal to the last bit.
void make_deterministic(int threads, std::uint64_t seed) {
  at::set_num_threads(threads);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  // Filling fresh memory with NaN, to find uses of it, would cost a pass over every tensor.
  at::globalContext().setDeterministicFillUninitializedMemory(false);
  torch::manual_seed(seed);
}

OrderOptions order_of(const TrainOptions& options, const Plan& plan) {
  return {options.seed,   options.shuffle,   options.lanes,
          options.window, plan.global_batch, options.tail};
}

std::shared_ptr<Model> on_device(std::shared_ptr<Model> model, torch::Device device) {
  model->to(device);
  return model;
}

class Trainer {
 public:
  /// `model`: of a file; null for a built-in one.
  Trainer(const TrainOptions& options, std::shared_ptr<const Dataset> dataset, const Plan& plan,
          std::shared_ptr<ProcessGroup> group, const std::vector<torch::Device>& devices,
          std::shared_ptr<Model> model, const Resumed* resumed, CheckpointFolder* checkpoints)
      : options_(options),
        dataset_(std::move(dataset)),
        plan_(plan),
        group_(std::move(group)),
        device_(devices.front()),
        start_(resumed == nullptr ? Position{} : resumed->position),
        checkpoints_(checkpoints),
        feed_options_(make_feed_options()),
        feed_(dataset_, feed_options_),
        trial_(options.trial ? std::optional<TrialRun>(std::in_place, *options.trial)
                             : std::nullopt),
        finish_(group_, trial_ ? trial_->finish() : options.finish),
        loss_check_(options.on_nan == "stop", device_),
        module_(on_device(model != nullptr ? std::move(model) : make_model(plan), device_)),
        loss_(plan.loss, options.class_weights, torch::dtype(module_->dtype()).device(device_)),
        optimizer_(make_optimizer(plan, options, distinct(module_->parameters()))),
        state_(options_, plan_, *module_, *optimizer_),
        distributed_(module_, group_),
        step_log_(*group_, options,
                  start_.epoch * feed_.steps().count() + feed_.steps().step_at(start_.samples),
                  [this] { return spent(); }),
        reporter_(begin_reporter()) {
    if (dataset_->has_split("val") && dataset_->split() != "val") {
      validation_ = dataset_->with_split("val");
      if (validation_->size() == 0) validation_ = nullptr;
    }
    if (resumed != nullptr) {
      resumed_ = resumed->document;
      state_.load(*resumed);
    }
    if (devices.size() > 1)
      parallel_.emplace(module_->layers(), devices, load_cuda_part().data_parallel);
    if (!options.ledger.empty()) begin_ledger();
  }

  void run(TrainSummary& summary);
  std::string save_weights() const;

 private:
  FeedOptions make_feed_options() const;
  Reporter begin_reporter();
  Spent spent() const;
  void warn_of_lanes() const;
  void begin_ledger();
  std::optional<Batch> next_batch() {
    return trial_ ? trial_->batch([this] { return feed_.next(); }) : feed_.next();
  }
  void train_epoch(TrainSummary& summary, Sums sums);
  void step(const Batch& batch, Sums& sums, Stopwatch& watch);
  void evaluate(TrainSummary& summary, bool is_last);
  void check_losses();
  [[noreturn]] void throw_diverged(const std::string& what) const;
  bool is_last(const Batch& batch) const {
    return static_cast<std::uint64_t>(batch.step) + 1 == feed_.steps().count();
  }
  bool is_checkpoint_due(const Batch& batch) const;
  void save_checkpoint(const TrainSummary& summary, const Sums& sums);
  std::vector<torch::Tensor> inputs_of(const Batch& batch) const;
  torch::Tensor target_of(const Batch& batch, const std::shared_ptr<const Dataset>& dataset,
                          const FeedOptions& options) const;
  torch::Tensor forward(const std::vector<torch::Tensor>& inputs) {
    return parallel_ ? parallel_->forward(inputs.front()) : distributed_.forward(inputs);
  }
  void seed_step(const Batch& batch) const;
  bool has_checkpoints() const { return !options_.checkpoint_dir.empty(); }
  void report(const TrainProgress& progress) const {
    if (group_->rank() == 0 && options_.progress) options_.progress(progress);
  }
  void check_stop() const {
    const bool finishes = options_.finish.stop_requested() && !has_checkpoints();
    if (!options_.stop.stop_requested() && !finishes) return;
    throw Error(ErrorCode::kCancelled,
                has_checkpoints() ? fmt::format("interrupted; {} goes on from the last checkpoint",
                                                option_name("resume", "auto"))
                                  : "interrupted; the weights were not saved");
  }
  [[noreturn]] void throw_finished() const {
    throw Error(
        ErrorCode::kCancelled,
        fmt::format("interrupted; a checkpoint was written to {}, and {} goes on from there",
                    options_.checkpoint_dir, option_name("resume", "auto")));
  }

  const TrainOptions& options_;
  std::shared_ptr<const Dataset> dataset_;
  std::shared_ptr<const Dataset> validation_;  ///< null when there is none
  const Plan& plan_;
  std::shared_ptr<ProcessGroup> group_;
  const torch::Device device_;  ///< of inputs, outputs and parameters
  const Position start_;
  CheckpointFolder* const checkpoints_;  ///< of rank 0; null when there are none
  const FeedOptions feed_options_;
  Feed feed_;                      ///< made first: it reads while the model is built
  std::optional<TrialRun> trial_;  ///< null when this is no trial
  FinishRequest finish_;
  LossCheck loss_check_;
  std::shared_ptr<Model> module_;
  Loss loss_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  ModelState state_;
  DistributedDataParallel<Model> distributed_;
  /// Over the devices of one process; null where there is one.
  std::optional<DataParallel<torch::nn::SequentialImpl>> parallel_;
  std::optional<Ledger> ledger_;
  nlohmann::json resumed_;  ///< the document of the checkpoint that was loaded
  TrainMeters meters_;
  StepLog step_log_;
  Reporter reporter_;  ///< last: it uses all of the above
};

FeedOptions Trainer::make_feed_options() const {
  FeedOptions feed;
  feed.order = order_of(options_, plan_);
  feed.rank = group_->rank();
  feed.world_size = group_->size();
  feed.epochs = options_.epochs > start_.epoch ? options_.epochs - start_.epoch : 1;
  feed.start = start_;
  feed.track_samples = !options_.ledger.empty();
  for (const auto& input : plan_.inputs) feed.columns.push_back(input.column);
  if (std::ranges::find(feed.columns, options_.target) == feed.columns.end())
    feed.columns.push_back(options_.target);
  feed.decode = options_.decode;
  feed.decode_threads = choose_threads(options_.decode_threads, World::from_environment());
  feed.prefetch_bytes = options_.prefetch_bytes;
  feed.read_threads = options_.read_threads;
  feed.assemble_threads = options_.assemble_threads;
  if (device_.is_cuda()) feed.allocate = pinned_memory;
  return feed;
}

Reporter Trainer::begin_reporter() {
  if (!options_.meters) return {};
  return {options_.meters_interval, [this] {
            Meters meters = feed_.meters();
            meters_.add_to(meters);
            options_.meters(group_->rank(), meters);
          }};
}

Spent Trainer::spent() const {
  Spent spent{.seconds = meters_.seconds()};
  const Meters meters = feed_.meters();
  const FeedStats stats = stats_of(meters);
  spent.seconds.store = stats.store_seconds;
  spent.seconds.budget = stats.budget_seconds;
  spent.seconds.check = stats.check_seconds;
  spent.seconds.disk = stats.disk_seconds;
  spent.seconds.assemble = stats.assemble_seconds;
  for (const auto& meter : meters) {
    if (meter.name == "ringfeed_node_answer_seconds")
      spent.nodes.push_back({meter.labels.front().second, meter});
  }
  return spent;
}

std::vector<torch::Tensor> Trainer::inputs_of(const Batch& batch) const {
  std::vector<torch::Tensor> inputs;
  for (const auto& input : plan_.inputs) {
    const auto column = to_tensor(batch.column(input.column)).to(device_);  // in its own dtype
    inputs.push_back(column.to(input.is_real ? module_->dtype() : torch::kInt64));
    if (input.divisor != 1) inputs.back().div_(input.divisor);
    // Its forward may write into what it is given, and the target stays.
    if (plan_.model == ModelKind::kFile && input.column == options_.target)
      inputs.back() = inputs.back().clone();
  }
  if (plan_.model == ModelKind::kFile) return inputs;
  std::vector<std::int64_t> shape = plan_.input_shape;
  shape.insert(shape.begin(), batch.size);
  if (inputs.size() == 1) return {inputs[0].reshape(shape)};
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs[i] = inputs[i].reshape({batch.size, plan_.inputs[i].elements});
  return {torch::cat(inputs, 1).reshape(shape)};
}

/// The number of a batch's sample in the split: of those that the feed does not give, by reading
/// the batch again.
std::uint64_t number_in_split(const Batch& batch, std::int64_t sample,
                              const std::shared_ptr<const Dataset>& dataset, FeedOptions options) {
  const auto at = static_cast<std::size_t>(sample);
  if (!batch.samples.empty()) return batch.samples[at];
  options.start = {static_cast<std::uint64_t>(batch.epoch), batch.first};
  options.epochs = 1;
  options.track_samples = true;
  return Feed(dataset, std::move(options)).next()->samples[at];
}

/// `options`: those of the feed that gave the batch.
torch::Tensor Trainer::target_of(const Batch& batch, const std::shared_ptr<const Dataset>& dataset,
                                 const FeedOptions& options) const {
  const auto column = to_tensor(batch.column(options_.target));
  if (const auto bad = loss_.find_bad(column, plan_.outputs)) {
    throw Error(ErrorCode::kBadData,
                fmt::format("sample {} of split '{}': '{}' is {}, outside of the range that the "
                            "data set says it has; restore the data set from a copy, or make it "
                            "again",
                            number_in_split(batch, bad->sample, dataset, options), dataset->split(),
                            options_.target, bad->value));
  }
  return loss_.target(column);
}

/// The random numbers of a model (dropout) depend on step and rank alone: a run that goes on draws
/// those that it would have drawn.
void Trainer::seed_step(const Batch& batch) const {
  if (plan_.model != ModelKind::kFile) return;
  const auto number =
      (static_cast<std::uint64_t>(batch.step) << 32) | static_cast<std::uint64_t>(group_->rank());
  torch::manual_seed(random_key(kOrderVersion, options_.seed,
                                static_cast<std::uint64_t>(batch.epoch), Purpose::kModel, number));
}

void Trainer::step(const Batch& batch, Sums& sums, Stopwatch& watch) {
  seed_step(batch);
  const auto inputs = inputs_of(batch);
  const auto target = target_of(batch, dataset_, feed_options_);
  // The weight of the whole step is known without asking, unless it depends on the labels of the
  // others; then the answer comes while forward runs.
  auto step_weight = loss_.weighted() ? loss_.weight(target)
                                      : torch::scalar_tensor(static_cast<double>(batch.global_size),
                                                             torch::kFloat64);
  const double own_weight =
      loss_.weighted() ? step_weight.item<double>() : static_cast<double>(batch.size);
  std::optional<ProcessGroup::Pending> pending;
  if (loss_.weighted()) pending = group_->all_reduce_async(step_weight);
  drop_gradients(*module_);
  const auto loss = loss_.sum(forward(inputs), target);
  if (loss_check_.add(batch, loss.detach())) check_losses();
  if (pending) pending->wait();
  watch.lap(meters_.forward);
  const auto scaled = loss * step_scale(group_->size(), step_weight.item<double>());
  if (group_->size() > 1) {
    // The engine runs what is asked for at its start before what the all-reduce asks for: when this
    // rank has computed all its gradients.
    scaled.register_hook([&](const torch::Tensor&) {
      torch::autograd::Engine::get_default_engine().queue_callback(
          [&] { watch.lap(meters_.backward); });
    });
  }
  scaled.backward();
  watch.lap(group_->size() > 1 ? meters_.all_reduce : meters_.backward);
  optimizer_->step();
  sums.loss += loss.detach();
  sums.weight += own_weight;
  watch.lap(meters_.optimizer);
  step_log_.add(batch, loss, own_weight);
}

void Trainer::train_epoch(TrainSummary& summary, Sums sums) {
  module_->train();
  TrainProgress progress;
  progress.epochs = options_.epochs;
  progress.samples_total = feed_.steps().end();
  Stopwatch total;
  while (true) {
    check_stop();
    Stopwatch step_watch;
    Stopwatch watch = step_watch;  // of its parts: what lies between two steps is no wait for data
    const auto batch = next_batch();
    const auto wait = watch.lap(meters_.wait);
    if (!batch) break;
    if (ledger_) ledger_->write(*batch);
    step(*batch, sums, watch);
    step_log_.end_step(step_watch.lap(meters_.steps), wait);
    summary.samples += static_cast<std::uint64_t>(batch->global_size);
    meters_.samples.add(static_cast<std::uint64_t>(batch->global_size));
    progress.epoch = static_cast<std::uint64_t>(batch->epoch);
    progress.samples = batch->first + static_cast<std::uint64_t>(batch->global_size);
    report(progress);
    if (trial_) {
      trial_->end_step(summary.samples, [this] { return spent().seconds; });
      if (finish_.asked_for()) return;
    }
    const bool finishes = has_checkpoints() && finish_.asked_for() && !is_last(*batch);
    if (finishes || is_checkpoint_due(*batch)) save_checkpoint(summary, sums);
    if (finishes) {
      step_log_.flush();
      throw_finished();
    }
  }
  check_losses();
  step_log_.flush();
  sums.all_reduce(*group_);
  total.lap(meters_.epochs);
  summary.losses.push_back(sums.mean_loss());
  meters_.loss = summary.losses.back();
  if (trial_) return;
  evaluate(summary, progress.epoch + 1 == options_.epochs);
  if (options_.on_nan == "stop" && !std::isfinite(summary.val_loss.value_or(0))) {
    throw_diverged(fmt::format("the validation loss behind epoch {} is {}", progress.epoch + 1,
                               *summary.val_loss));
  }
  progress.loss = summary.losses.back();
  progress.val_loss = summary.val_loss;
  progress.val_accuracy = summary.val_accuracy;
  report(progress);
  if (has_checkpoints()) save_checkpoint(summary, Sums(device_));
}

void Trainer::evaluate(TrainSummary& summary, bool is_last) {
  if (validation_ == nullptr) return;
  const torch::NoGradGuard no_gradients;
  module_->eval();
  // Fewer samples than ranks: the ranks without one add nothing to the sums.
  const auto ranks = static_cast<int>(
      std::min<std::uint64_t>(static_cast<std::uint64_t>(group_->size()), validation_->size()));
  Sums sums(device_);
  EvaluationDetails details(plan_.loss, plan_.outputs);
  if (group_->rank() < ranks) {
    FeedOptions options = feed_options_;
    options.order.shuffle = Shuffle::kNone;
    options.order.tail = Tail::kJoin;  // all samples, on any number of ranks
    options.world_size = ranks;
    options.epochs = 1;
    options.start = {};
    options.track_samples = is_last;
    for (auto& [column, steps] : options.decode)
      steps = ImageSteps::parse(steps).for_validation().text();
    Feed feed(validation_, options);
    while (const auto batch = feed.next()) {
      check_stop();
      const auto target = target_of(*batch, validation_, options);
      const auto output = forward(inputs_of(*batch));
      sums.loss += loss_.sum(output, target);
      sums.weight += loss_.weight(target).item<double>();
      if (const auto correct = loss_.correct(output, target))
        sums.correct += correct->item<double>();
      sums.samples += static_cast<double>(batch->size);
      if (is_last) details.add(*batch, loss_, output, target);
    }
  }
  sums.all_reduce(*group_);
  if (is_last) summary.evaluation = details.gather(*group_);
  summary.val_loss = sums.mean_loss();
  if (plan_.loss != LossKind::kMse) summary.val_accuracy = sums.correct / sums.samples;
}

void Trainer::warn_of_lanes() const {
  if (group_->rank() != 0 || !options_.warn || options_.shuffle == Shuffle::kNone) return;
  const auto lanes = feed_.steps().lanes();
  const auto ranks = static_cast<std::uint32_t>(group_->size());
  if (const auto better = feed_.steps().better_lanes(group_->size())) {
    options_.warn(fmt::format(
        "{} lanes do not divide well among {} ranks: all wait for those with {} lanes; "
        "{} gives each rank the same number (and another order)",
        lanes, ranks, (lanes + ranks - 1) / ranks, option_name("lanes", fmt::to_string(*better))));
  }
}

void Trainer::run(TrainSummary& summary) {
  warn_of_lanes();
  Sums sums(device_);
  if (!resumed_.is_null()) {
    for (const auto& loss : resumed_.at("losses")) summary.losses.push_back(double_of(loss));
    if (resumed_.contains("val_loss")) summary.val_loss = double_of(resumed_.at("val_loss"));
    if (resumed_.contains("val_accuracy"))
      summary.val_accuracy = double_of(resumed_.at("val_accuracy"));
    sums = Sums(resumed_.at("sums"), *group_, device_);
  }
  for (std::uint64_t epoch = start_.epoch; epoch < options_.epochs; ++epoch) {
    train_epoch(summary, std::exchange(sums, Sums(device_)));
    if (trial_ && finish_.asked_for()) break;
    if (epoch + 1 < options_.epochs && has_checkpoints() && finish_.asked_for()) throw_finished();
  }
  reporter_.end();
  summary.seconds = spent().seconds;
  summary.seconds.total = meters_.epochs.seconds();
  if (trial_) trial_->fill(summary, spent().seconds);
  if (ledger_) ledger_->close();
}

void Trainer::begin_ledger() {
  const auto number = torch::scalar_tensor(0, torch::kInt64);
  if (group_->rank() == 0) {
    number.fill_(static_cast<std::int64_t>(Ledger::next_start(options_.ledger)));
    if (number.item<std::int64_t>() > 0 && options_.resume.empty()) {
      throw Error(ErrorCode::kConflict,
                  fmt::format("{}: there is the ledger of a run here; go on with it by {}, or "
                              "choose another folder",
                              options_.ledger, option_name("resume", "auto")));
    }
  }
  group_->broadcast(number);
  ledger_.emplace(
      LedgerOptions{.folder = options_.ledger,
                    .start = static_cast<std::uint64_t>(number.item<std::int64_t>()),
                    .rank = group_->rank(),
                    .world_size = group_->size(),
                    .position = encode_position(start_, *dataset_, order_of(options_, plan_))});
}

bool Trainer::is_checkpoint_due(const Batch& batch) const {
  if (!has_checkpoints() || options_.checkpoint_every == 0) return false;
  if (is_last(batch)) return false;  // the one at the epoch's end follows
  const auto step = static_cast<std::uint64_t>(batch.step) + 1;
  const auto steps = static_cast<std::uint64_t>(batch.epoch) * feed_.steps().count() + step;
  return steps % options_.checkpoint_every == 0;
}

void Trainer::check_losses() {
  if (const auto bad = loss_check_.look()) throw_diverged(*bad);
}

void Trainer::throw_diverged(const std::string& what) const {
  std::string last = fmt::format("there is no checkpoint ({})", option_name("checkpoint-dir"));
  if (checkpoints_ != nullptr) {
    const auto newest = checkpoints_->newest();
    last = newest ? fmt::format("the last checkpoint is {}", *newest)
                  : fmt::format("there is no checkpoint in {} yet", options_.checkpoint_dir);
  } else if (!options_.checkpoint_dir.empty()) {
    last = fmt::format("the last checkpoint is the newest in {}", options_.checkpoint_dir);
  }
  throw Error(
      ErrorCode::kInternal,
      fmt::format("{}; {}; a smaller {} or other values of the input may help, and {} goes on "
                  "all the same",
                  what, last, option_name("lr"), option_name("on-nan", "continue")));
}

void Trainer::save_checkpoint(const TrainSummary& summary, const Sums& sums) {
  check_losses();
  if (ledger_) ledger_->flush();
  // Of each rank for itself, so that they add up as they would have; and no rank's ledger is behind
  // what is published after this.
  const auto all = torch::zeros({group_->size(), 2}, torch::kFloat64);
  all[group_->rank()][0] = sums.loss.cpu();
  all[group_->rank()][1] = sums.weight;
  group_->all_reduce(all);
  if (checkpoints_ == nullptr) return;
  nlohmann::json document = {
      {"position", nlohmann::json::parse(
                       encode_position(feed_.position(), *dataset_, order_of(options_, plan_)))},
      {"model", state_.model()},
      {"training", state_.training()},
      {"losses", nlohmann::json::array()},
      {"sums", nlohmann::json::array()},
      {"versions", {{"torch", TORCH_VERSION}}}};
  for (const double loss : summary.losses) document["losses"].push_back(json_of(loss));
  if (summary.val_loss) document["val_loss"] = json_of(*summary.val_loss);
  if (summary.val_accuracy) document["val_accuracy"] = json_of(*summary.val_accuracy);
  for (int rank = 0; rank < group_->size(); ++rank) {
    document["sums"].push_back(
        {{"loss", json_of(all[rank][0].item<double>())}, {"weight", all[rank][1].item<double>()}});
  }
  checkpoints_->publish(document, [&](const std::string& folder) {
    state_.write_weights(folder + "/" + kWeightsFile);
    state_.write_optimizer(folder + "/" + kOptimizerFile);
  });
}

std::string Trainer::save_weights() const {
  make_folders(options_.output);
  const std::string path = options_.output + "/" + kWeightsFile;
  state_.write_weights(path);
  return path;
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
  start["ledger"] = !options.ledger.empty();
  start["checkpoint_every"] = options.checkpoint_every;
  start["step_log"] = options.step != nullptr || options.interval != nullptr;
  start["trial"] = options.trial.has_value();
  start["checkpoints"] = !options.checkpoint_dir.empty();
  return start;
}

/// Of a file's model, before it is trained.
void try_out(ScriptModel& model, const TrainOptions& options, Plan& plan,
             const ProcessGroup& group) {
  const auto classes = plan.loss == LossKind::kCrossEntropy ? plan.outputs : 0;
  plan.outputs = model.try_out(classes, group.size() > 1);
  const auto advice = model.advice();
  if (group.rank() == 0 && options.warn && !advice.empty()) options.warn(advice);
}

}  // namespace

TrainSummary train(const TrainOptions& options) {
  const World world = World::from_environment();
  ConnectionOptions connection = options.connection;
  connection.ranks = world.size;
  // Nothing is in hand yet that could be finished.
  std::stop_source ending;
  const std::stop_callback stopped(options.stop, [&] { ending.request_stop(); });
  const std::stop_callback finished(options.finish, [&] { ending.request_stop(); });
  connection.stop = ending.get_token();
  const auto dataset = Dataset::open(options.url, connection);
  Plan plan = Plan::make(options, dataset->schema(), world.size);
  if (dataset->size() == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("split '{}' of {} has no samples to train on", dataset->split(),
                            dataset->url()));
  }
  std::shared_ptr<ScriptModel> script;
  if (plan.model == ModelKind::kFile) {
    script = std::make_shared<ScriptModel>(options, plan);
    plan.model_name = fmt::format("TorchScript {}", script->hash());
  }
  TrainSummary summary;
  summary.threads = choose_threads(options.threads, world);
  make_deterministic(summary.threads, options.seed);
  const auto devices = devices_of(plan, world);
  if ((script != nullptr || is_resnet(plan.model)) && devices.size() > 1) {
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
    require_same(*group, start_of(options, plan, *dataset));
    if (plan.needs_target_values) {
      const auto classes = check_target_values(dataset, options, plan.loss, *group);
      if (plan.loss == LossKind::kCrossEntropy) plan.outputs = classes;
    }
    if (script != nullptr) try_out(*script, options, plan, *group);
    if (!options.class_weights.empty() &&
        options.class_weights.size() != static_cast<std::size_t>(plan.outputs)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} class weights do not fit the {} classes of '{}'",
                              options.class_weights.size(), plan.outputs, options.target));
    }
    Checkpoints checkpoints;
    if (group->rank() == 0) checkpoints = open_checkpoints(options);
    std::optional<Resumed> resumed;
    if (!options.resume.empty()) {
      resumed = resume(*group, checkpoints.from, *dataset, order_of(options, plan));
    }
    if (resumed) {
      summary.resumed_from = resumed->path;
      summary.start = resumed->position;
    }
    checkpoints.from.reset();
    Trainer trainer(options, dataset, plan, group, devices, script, resumed ? &*resumed : nullptr,
                    checkpoints.folder ? &*checkpoints.folder : nullptr);
    resumed.reset();  // its bytes are in the trainer now
    trainer.run(summary);
    if (group->rank() == 0 && !options.output.empty()) summary.weights = trainer.save_weights();
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

}  // namespace ringfeed
