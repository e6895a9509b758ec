// Order of the members: the feed reads while the model is built.
#include "train/trainer.hpp"

#include <fmt/format.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/utils.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <ringfeed/error.hpp>
#include <ringfeed/image.hpp>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/file.hpp"
#include "base/option.hpp"
#include "base/random.hpp"
#include "run/world.hpp"
#include "train/cuda.hpp"
#include "train/evaluation.hpp"
#include "train/evaluation_figures.hpp"
#include "train/gradient_norm.hpp"
#include "train/models.hpp"
#include "train/precision.hpp"

namespace ringfeed {
namespace {

/// Of batches that go to a CUDA device: from there they are copied without a stop on the way.
std::shared_ptr<void> pinned_memory(std::size_t bytes) {
  const auto tensor = torch::empty({static_cast<std::int64_t>(bytes)},
                                   torch::TensorOptions(torch::kUInt8).pinned_memory(true));
  return {tensor.data_ptr(), [tensor](void*) {}};
}

std::shared_ptr<Model> on_device(std::shared_ptr<Model> model, torch::Device device,
                                 bool channels_last) {
  model->to(device);
  if (channels_last) make_channels_last(*model);
  return model;
}

/// What an optimizer gets.
std::vector<torch::Tensor> trained(const torch::nn::Module& model) {
  auto parameters = distinct(model.parameters());
  std::erase_if(parameters, [](const auto& parameter) { return !parameter.requires_grad(); });
  return parameters;
}

NamedTensors named_trained(const torch::nn::Module& model) {
  auto parameters = model.named_parameters().pairs();
  std::unordered_set<const void*> seen;  // submodules may share one
  std::erase_if(parameters, [&](const auto& named) {
    return !named.second.requires_grad() || !seen.insert(named.second.unsafeGetTensorImpl()).second;
  });
  return parameters;
}

std::vector<torch::Tensor> narrowed(std::vector<torch::Tensor> tensors, std::int64_t begin,
                                    std::int64_t size) {
  for (auto& tensor : tensors) {
    if (size != tensor.size(0)) tensor = tensor.narrow(0, begin, size);
  }
  return tensors;
}

Loss loss_of(const TrainOptions& options, const Plan& plan, LossFunction own,
             torch::TensorOptions outputs) {
  if (plan.loss == LossKind::kModel)
    own = [](const torch::Tensor& output, const torch::Tensor&) { return output; };
  if (plan.is_opaque()) return Loss(plan.loss, std::move(own), outputs);
  return Loss(plan.loss, options.class_weights, outputs, options.label_smoothing);
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

}  // namespace

int choose_threads(int asked, const World& world) {
  if (asked > 0) return asked;
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::max(1, cores / world.local_size);
}

Trainer::Trainer(const TrainOptions& options, const Plan& plan, TrainParts parts,
                 std::shared_ptr<const Dataset> dataset, std::shared_ptr<ProcessGroup> group,
                 const std::vector<torch::Device>& devices, const Resumed* resumed,
                 CheckpointFolder* checkpoints)
    : options_(options),
      dataset_(std::move(dataset)),
      plan_(plan),
      group_(std::move(group)),
      device_(devices.front()),
      start_(resumed == nullptr ? Position{} : resumed->position),
      checkpoints_(checkpoints),
      feed_options_(make_feed_options()),
      feed_(dataset_, feed_options_),
      trial_(options.trial ? std::optional<TrialRun>(std::in_place, *options.trial) : std::nullopt),
      finish_(group_, trial_ ? trial_->finish() : options.finish),
      loss_check_(options.on_nan == "stop", device_),
      module_(on_device(std::move(parts.model), device_, options.channels_last)),
      loss_(loss_of(options, plan, std::move(parts.loss),
                    torch::dtype(module_->dtype()).device(device_))),
      made_optimizer_(
          parts.optimizer != nullptr ? nullptr : make_optimizer(plan, options, trained(*module_))),
      optimizer_(parts.optimizer != nullptr ? *parts.optimizer : *made_optimizer_),
      rate_(optimizer_, Schedule(options, plan.schedule, options.epochs * feed_.steps().count())),
      distributed_(module_, group_,
                   {.find_unused_parameters = options.find_unused_parameters,
                    .compression = plan.compression}),
      average_(options.ema_decay
                   ? std::make_unique<WeightAverage>(*options.ema_decay, named_trained(*module_))
                   : nullptr),
      state_(options_, plan_, *module_, optimizer_, average_.get()),
      step_log_(*group_, options,
                start_.epoch * feed_.steps().count() + feed_.steps().step_at(start_.samples),
                [this] { return spent(); }),
      reporter_(begin_reporter()) {
  if (dataset_->has_split("val") && dataset_->split() != "val") {
    validation_ = dataset_->with_split("val");
    if (validation_->size() == 0) validation_ = nullptr;
  }
  if (options.patience && validation_ == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} looks at the loss of a split val, and there is none beside split "
                            "'{}'",
                            option_name("patience"), dataset_->split()));
  }
  if (resumed != nullptr) {
    resumed_ = resumed->document;
    state_.load(*resumed);
  }
  if (devices.size() > 1)
    parallel_.emplace(module_->layers(), devices, load_cuda_part().data_parallel);
  if (!options.ledger.empty()) begin_ledger();
}

FeedOptions Trainer::make_feed_options() const {
  FeedOptions feed;
  feed.order = order_of(options_, plan_);
  feed.rank = group_->rank();
  feed.world_size = group_->size();
  feed.epochs = options_.epochs > start_.epoch ? options_.epochs - start_.epoch : 1;
  feed.start = start_;
  feed.track_samples = !options_.ledger.empty();
  for (const auto& input : plan_.inputs) feed.columns.push_back(input.column);
  if (!plan_.target.empty() && std::ranges::find(feed.columns, plan_.target) == feed.columns.end())
    feed.columns.push_back(plan_.target);
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
  auto inputs = columns_of(batch);
  if (!takes_columns(plan_.model)) {
    std::vector<std::int64_t> shape = plan_.input_shape;
    shape.insert(shape.begin(), batch.size);
    for (std::size_t i = 0; inputs.size() > 1 && i < inputs.size(); ++i)
      inputs[i] = inputs[i].reshape({batch.size, plan_.inputs[i].elements});
    inputs = {(inputs.size() > 1 ? torch::cat(inputs, 1) : inputs[0]).reshape(shape)};
  }
  if (!options_.channels_last) return inputs;
  for (auto& input : inputs) {
    if (input.dim() == 4) input = input.contiguous(torch::MemoryFormat::ChannelsLast);
  }
  return inputs;
}

std::vector<torch::Tensor> Trainer::columns_of(const Batch& batch) const {
  std::vector<torch::Tensor> columns;
  for (const auto& input : plan_.inputs) {
    const auto column = to_tensor(batch.column(input.column)).to(device_);  // in its own dtype
    columns.push_back(column.to(input.is_real ? module_->dtype() : torch::kInt64));
    if (input.divisor != 1) columns.back().div_(input.divisor);
    // Its forward may write into what it is given, and the target stays.
    if (takes_columns(plan_.model) && input.column == plan_.target)
      columns.back() = columns.back().clone();
  }
  return columns;
}

/// `options`: those of the feed that gave the batch.
torch::Tensor Trainer::target_of(const Batch& batch, const std::shared_ptr<const Dataset>& dataset,
                                 const FeedOptions& options) const {
  if (plan_.loss == LossKind::kModel) return torch::empty({batch.size, 0});
  const auto column = to_tensor(batch.column(plan_.target));
  if (const auto bad = loss_.find_bad(column, plan_.outputs)) {
    throw Error(ErrorCode::kBadData,
                fmt::format("sample {} of split '{}': '{}' is {}, outside of the range that the "
                            "data set says it has; restore the data set from a copy, or make it "
                            "again",
                            number_in_split(batch, bad->sample, dataset, options), dataset->split(),
                            plan_.target, bad->value));
  }
  return loss_.target(column);
}

torch::Tensor Trainer::forward(const std::vector<torch::Tensor>& inputs) {
  const Autocast autocast(options_.precision == "bfloat16", device_.type());
  const auto output = parallel_ ? parallel_->forward(inputs.front()) : distributed_.forward(inputs);
  return output.scalar_type() == torch::kBFloat16 ? output.to(module_->dtype()) : output;
}

/// The random numbers of a model (dropout) depend on step and rank alone: a run that goes on draws
/// those that it would have drawn.
void Trainer::seed_step(const Batch& batch) const {
  if (!takes_columns(plan_.model)) return;
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
  torch::Tensor loss;
  // A part has at least one sample, and ranks may have different numbers of them.
  const auto parts =
      std::clamp<std::int64_t>(batch.size, 1, static_cast<std::int64_t>(options_.accumulate));
  for (std::int64_t part = 0; part < parts; ++part) {
    const auto begin = batch.size * part / parts;
    const auto size = batch.size * (part + 1) / parts - begin;
    const bool is_last_part = part + 1 == parts;
    const auto own =
        loss_of_part(narrowed(inputs, begin, size), target.narrow(0, begin, size), is_last_part);
    if (loss_check_.add(batch, own.detach())) check_losses();
    if (pending) std::exchange(pending, std::nullopt)->wait();
    watch.lap(meters_.forward);
    backward(own * step_scale(group_->size(), step_weight.item<double>()), is_last_part, watch);
    loss = loss.defined() ? loss + own.detach() : own.detach();
  }
  if (options_.clip_norm) clip_gradients(parameters_, *options_.clip_norm);
  rate_.set(static_cast<std::uint64_t>(batch.epoch) * feed_.steps().count() +
            static_cast<std::uint64_t>(batch.step));
  optimizer_.step();
  if (average_ != nullptr) average_->update();
  sums.loss += loss;
  sums.weight += own_weight;
  watch.lap(meters_.optimizer);
  step_log_.add(batch, loss, own_weight, rate_.get());
}

/// Gradients of all but the last part stay on the rank.
torch::Tensor Trainer::loss_of_part(const std::vector<torch::Tensor>& inputs,
                                    const torch::Tensor& target, bool is_last_part) {
  if (is_last_part) return loss_.sum(forward(inputs), target);
  const auto alone = distributed_.no_sync();
  return loss_.sum(forward(inputs), target);
}

void Trainer::backward(const torch::Tensor& loss, bool is_last_part, Stopwatch& watch) {
  const bool reduces = is_last_part && group_->size() > 1;
  if (reduces) {
    // The engine runs what is asked for at its start before what the all-reduce asks for: when this
    // rank has computed all its gradients.
    loss.register_hook([&](const torch::Tensor&) {
      torch::autograd::Engine::get_default_engine().queue_callback(
          [&] { watch.lap(meters_.backward); });
    });
  }
  loss.backward();
  watch.lap(reduces ? meters_.all_reduce : meters_.backward);
}

void Trainer::check_stop() const {
  const bool finishes = options_.finish.stop_requested() && !has_checkpoints();
  if (!options_.stop.stop_requested() && !finishes) return;
  throw Error(ErrorCode::kCancelled,
              has_checkpoints() ? fmt::format("interrupted; {} goes on from the last checkpoint",
                                              option_name("resume", "auto"))
                                : "interrupted; the weights were not saved");
}

void Trainer::throw_finished() const {
  throw Error(ErrorCode::kCancelled,
              fmt::format("interrupted; a checkpoint was written to {}, and {} goes on from there",
                          options_.checkpoint_dir, option_name("resume", "auto")));
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
  // Of the last one there is more to show; that nothing gets better shows behind it.
  const auto next = progress.epoch + 1;
  evaluate(summary, next == options_.epochs || best_.is_over(next, options_.patience));
  note_best(summary, progress.epoch);
  if (options_.on_nan == "stop" && !std::isfinite(summary.val_loss.value_or(0))) {
    throw_diverged(fmt::format("the validation loss behind epoch {} is {}", progress.epoch + 1,
                               *summary.val_loss));
  }
  progress.loss = summary.losses.back();
  progress.val_loss = summary.val_loss;
  progress.val_accuracy = summary.val_accuracy;
  progress.val_figures = summary.val_figures;
  report(progress);
  if (has_checkpoints()) save_checkpoint(summary, Sums(device_));
}

void Trainer::note_best(TrainSummary& summary, std::uint64_t epoch) {
  if (!summary.val_loss) return;
  if (best_.take(epoch, *summary.val_loss) && checkpoints_ != nullptr)
    best_.checkpoint = checkpoints_->next();
  say_best(summary);
  // What an evaluation shows is of the last one.
  summary.stopped_early =
      epoch + 1 < options_.epochs && best_.is_over(epoch + 1, options_.patience);
}

void Trainer::say_best(TrainSummary& summary) const {
  if (!best_.val_loss) return;
  summary.best_val_loss = best_.val_loss;
  summary.best_epoch = best_.epoch;
  summary.best_checkpoint = best_.checkpoint;
}

void Trainer::evaluate(TrainSummary& summary, bool is_last) {
  if (validation_ == nullptr) return;
  const torch::NoGradGuard no_gradients;
  distributed_.give_buffers();
  module_->eval();
  const AveragedWeights averaged(average_.get());
  // Fewer samples than ranks: the ranks without one add nothing to the sums.
  const auto ranks = static_cast<int>(
      std::min<std::uint64_t>(static_cast<std::uint64_t>(group_->size()), validation_->size()));
  Sums sums(device_);
  EvaluationDetails details(plan_.loss, plan_.outputs);
  EvaluationFigures figures(options_, plan_);
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
      figures.add(output, target);
      if (is_last) details.add(*batch, loss_, output, target);
    }
  }
  sums.all_reduce(*group_);
  summary.val_figures = figures.gather(*group_);
  if (is_last) summary.evaluation = details.gather(*group_);
  summary.val_loss = sums.mean_loss();
  if (plan_.has_accuracy()) summary.val_accuracy = sums.correct / sums.samples;
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
    if (resumed_.contains("val_figures")) {
      for (const auto& [name, value] : resumed_.at("val_figures").items())
        summary.val_figures.emplace_back(name, double_of(value));
    }
    if (resumed_.contains("best")) best_ = BestEpoch::of(resumed_.at("best"));
    say_best(summary);
    sums = Sums(resumed_.at("sums"), *group_, device_);
  }
  for (std::uint64_t epoch = start_.epoch; epoch < options_.epochs; ++epoch) {
    if (best_.is_over(epoch, options_.patience)) break;
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
  for (const auto& [name, value] : summary.val_figures)
    document["val_figures"][name] = json_of(value);
  if (best_.val_loss) document["best"] = best_.json();
  for (int rank = 0; rank < group_->size(); ++rank) {
    document["sums"].push_back(
        {{"loss", json_of(all[rank][0].item<double>())}, {"weight", all[rank][1].item<double>()}});
  }
  const auto write = [&](const std::string& folder) {
    state_.write_weights(folder + "/" + kWeightsFile);
    state_.write_average(folder + "/" + kAverageFile);
    state_.write_optimizer(folder + "/" + kOptimizerFile);
  };
  checkpoints_->publish(document, write, best_.checkpoint);
}

std::string Trainer::save_weights() {
  const AveragedWeights averaged(average_.get());
  make_folders(options_.output);
  const std::string path = options_.output + "/" + kWeightsFile;
  state_.write_weights(path);
  return path;
}

}  // namespace ringfeed
