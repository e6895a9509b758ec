// ringfeed train URL
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/launch.hpp>
#include <ringfeed/samples.hpp>
#include <ringfeed/train.hpp>
#include <utility>

#include "base/file.hpp"
#include "cli/command.hpp"
#include "cli/config.hpp"
#include "cli/interrupt.hpp"
#include "cli/learning_options.hpp"
#include "cli/made_file.hpp"
#include "cli/output_folder.hpp"
#include "cli/progress.hpp"
#include "cli/train_library.hpp"
#include "cli/train_options.hpp"
#include "cli/trial.hpp"
#include "report/run_record.hpp"
#include "report/shown.hpp"
#include "run/world.hpp"

namespace ringfeed::cli {
namespace {

constexpr const char* kTrainHelp =
    "Trains a model data-parallel on a data set. With --nproc N it starts N processes itself; "
    "under\n"
    "'torchrun --no-python' it takes rank and world size from the environment.";

constexpr const char* kTrainExamples =
    "Examples:\n"
    "  ringfeed train digits.ring --model mlp --hidden 256,256 --input image --target label --loss "
    "cross_entropy \\\n"
    "      --optimizer adam --lr 0.001 --epochs 30 --batch-size 64 --nproc 2 --output run\n"
    "  ringfeed train lines.ring --model linear --input data --target target --loss mse "
    "--optimizer sgd --lr 0.01 \\\n"
    "      --epochs 10 --batch-size 10\n"
    "  ringfeed train digits.ring --model cnn --input image --target label --epochs 30 --optimizer "
    "sgd \\\n"
    "      --lr 0.1 --momentum 0.9 --schedule cosine --warm-up 50 --clip-norm 1 --label-smoothing "
    "0.1 \\\n"
    "      --top-k 3 --patience 5 --ema-decay 0.99 --accumulate 2 --output run\n"
    "  ringfeed train new.ring --model cnn --input image --target label --init "
    "run/weights.safetensors "
    "\\\n"
    "      --freeze conv --output tuned\n"
    "  torchrun --no-python --nproc-per-node 2 --max-restarts 3 ringfeed train digits.ring --input "
    "image \\\n"
    "      --target label --epochs 5 --checkpoint-dir run/checkpoints --checkpoint-every 100 \\\n"
    "      --resume auto\n";

/// Who fetches metrics is given nothing older.
constexpr auto kServedInterval = std::chrono::seconds(1);
/// A trial ends by the clock.
constexpr std::uint64_t kTrialEpochs = 1'000'000;

struct RunFlags : TrainFlags {
  std::string on_nan;
  RunRecordOptions record;
  std::string metrics_port;
  bool overwrite = false;
};

nlohmann::json evaluation_json(const Evaluation& evaluation) {
  nlohmann::json worst = nlohmann::json::array();
  for (const auto& sample : evaluation.worst) {
    worst.push_back({{"sample", sample.number},
                     {"loss", sample.loss},
                     {"target", sample.target},
                     {"output", sample.output}});
  }
  nlohmann::json json = {{"worst", worst}};
  if (!evaluation.confusion.empty()) json["confusion"] = evaluation.confusion;
  return json;
}

nlohmann::json summary_json(const TrainSummary& summary) {
  nlohmann::json json = {
      {"losses", summary.losses},
      {"samples", summary.samples},
      {"samples_per_second", summary.samples_per_second},
      {"wait_share", summary.wait_share},
      {"seconds",
       {{"total", summary.seconds.total},
        {"wait", summary.seconds.wait},
        {"forward", summary.seconds.forward},
        {"backward", summary.seconds.backward},
        {"all_reduce", summary.seconds.all_reduce},
        {"optimizer", summary.seconds.optimizer},
        {"store", summary.seconds.store},
        {"budget", summary.seconds.budget},
        {"check", summary.seconds.check},
        {"disk", summary.seconds.disk},
        {"assemble", summary.seconds.assemble}}},
      {"weights", summary.weights},
      {"world_size", summary.world_size},
      {"threads_per_rank", summary.threads},
      {"device", summary.device},
      {"dataset_version", summary.dataset_version},
      {"resumed_from", summary.resumed_from},
      {"start", {{"epoch", summary.start.epoch}, {"samples", summary.start.samples}}},
      {"versions", {{"ringfeed", RINGFEED_VERSION}, {"torch", summary.torch_version}}}};
  if (summary.val_loss) json["val_loss"] = *summary.val_loss;
  if (summary.val_accuracy) json["val_accuracy"] = *summary.val_accuracy;
  for (const auto& [name, value] : summary.val_figures) json[name] = value;
  if (summary.best_epoch) {
    json["best"] = {{"epoch", *summary.best_epoch},
                    {"val_loss", *summary.best_val_loss},
                    {"checkpoint", summary.best_checkpoint}};
  }
  json["stopped_early"] = summary.stopped_early;
  if (summary.evaluation) json["evaluation"] = evaluation_json(*summary.evaluation);
  return json;
}

/// What a run is of, without how it is connected.
nlohmann::ordered_json options_json(const TrainOptions& options, const World& world) {
  nlohmann::ordered_json json = {{"url", options.url},
                                 {"model", options.model},
                                 {"hidden", options.hidden},
                                 {"input", options.input},
                                 {"target", options.target},
                                 {"loss", options.loss},
                                 {"class_weights", options.class_weights},
                                 {"optimizer", options.optimizer},
                                 {"lr", options.learning_rate},
                                 {"momentum", options.momentum},
                                 {"epochs", options.epochs},
                                 {"seed", options.seed},
                                 {"shuffle", name_of(options.shuffle)},
                                 {"lanes", options.lanes},
                                 {"window", options.window},
                                 {"tail", name_of(options.tail)},
                                 {"resume", options.resume},
                                 {"world_size", world.size}};
  if (!options.output_index.empty()) json["output_index"] = options.output_index;
  if (options.schedule != "constant") json["schedule"] = options.schedule;
  if (options.warm_up > 0) json["warm_up"] = options.warm_up;
  if (options.decay_every > 0) {
    json["decay_every"] = options.decay_every;
    json["decay"] = options.decay;
  }
  if (options.clip_norm) json["clip_norm"] = *options.clip_norm;
  if (options.accumulate > 1) json["accumulate"] = options.accumulate;
  if (options.model == "transformer") {
    json["width"] = options.width;
    json["heads"] = options.heads;
  }
  if (options.precision != "float32") json["precision"] = options.precision;
  if (options.channels_last) json["channels_last"] = true;
  if (options.compress_gradients != "none") json["compress_gradients"] = options.compress_gradients;
  if (options.find_unused_parameters) json["find_unused_parameters"] = true;
  if (options.label_smoothing > 0) json["label_smoothing"] = options.label_smoothing;
  if (options.top_k) json["top_k"] = *options.top_k;
  if (options.patience) json["patience"] = *options.patience;
  if (options.ema_decay) json["ema_decay"] = *options.ema_decay;
  if (!options.init.empty()) json["init"] = options.init;
  if (!options.freeze.empty()) json["freeze"] = options.freeze;
  if (options.weight_decay) json["weight_decay"] = *options.weight_decay;
  if (options.batch_size_per_rank) {
    json["batch_size_per_rank"] = *options.batch_size_per_rank;
  } else {
    json["batch_size"] = options.global_batch;
  }
  return json;
}

/// Where the time went, of rank 0.
std::string time_text(const TrainSummary& summary) {
  const TrainSeconds& seconds = summary.seconds;
  const auto share = [&](double part) {
    return seconds.total > 0 ? 100 * part / seconds.total : 0;
  };
  return fmt::format(
      "time: waiting {:.1f} %, forward {:.1f} %, backward {:.1f} %, all-reduce {:.1f} %, optimizer "
      "{:.1f} % of {:.2f} s; beside it the feed: store {:.2f} s, checksum {:.2f} s, assembly "
      "{:.2f} "
      "s",
      share(seconds.wait), share(seconds.forward), share(seconds.backward),
      share(seconds.all_reduce), share(seconds.optimizer), seconds.total, seconds.store,
      seconds.check, seconds.assemble);
}

/// "val r2: 0.91", "val top 5 accuracy: 97.10 %".
std::string figure_text(std::string name, double value) {
  const bool is_share = name.ends_with("accuracy");
  std::ranges::replace(name, '_', ' ');
  return is_share ? fmt::format("{}: {:.2f} %", name, value * 100)
                  : fmt::format("{}: {:.6g}", name, value);
}

std::string summary_text(const TrainSummary& summary, const TrainOptions& options,
                         const std::string& summary_path, const std::string& report_path) {
  if (summary.samples == 0) {
    if (summary.start.epoch < options.epochs)
      return fmt::format("nothing to train: {} was written behind the epoch that ended early",
                         summary.resumed_from);
    return fmt::format("nothing to train: {} was written behind epoch {}, and --epochs is {}",
                       summary.resumed_from, summary.start.epoch, options.epochs);
  }
  std::string text;
  if (summary.val_accuracy)
    text += fmt::format("val accuracy: {:.2f} %\n", *summary.val_accuracy * 100);
  for (const auto& [name, value] : summary.val_figures) text += figure_text(name, value) + "\n";
  if (summary.val_loss) text += fmt::format("val loss: {:.6g}\n", *summary.val_loss);
  if (summary.stopped_early)
    text += fmt::format(
        "ended early: the best val loss, {:.6g}, was that of epoch {}; the weights "
        "are those of the last epoch\n",
        *summary.best_val_loss, *summary.best_epoch + 1);
  if (!summary.best_checkpoint.empty())
    text += fmt::format("best checkpoint: {}\n", summary.best_checkpoint);
  if (!summary.losses.empty())
    text += fmt::format("train loss of the last epoch: {:.6g}\n", summary.losses.back());
  text += fmt::format(
      "samples/s: {:.0f} on {} process{} ({}), {} thread{} each; waited for data {:.1f} % of the "
      "time",
      summary.samples_per_second, summary.world_size, summary.world_size == 1 ? "" : "es",
      summary.device, summary.threads, summary.threads == 1 ? "" : "s", summary.wait_share * 100);
  text += "\n" + time_text(summary);
  if (!summary.resumed_from.empty())
    text += fmt::format("\nresumed from {}: epoch {}, sample {}", summary.resumed_from,
                        summary.start.epoch + 1, summary.start.samples);
  if (!summary.weights.empty())
    text += fmt::format("\nweights: {}\nsummary: {}\nreport: {}", summary.weights, summary_path,
                        report_path);
  return text;
}

/// Progress of rank 0: a bar within the epoch, a line at its end.
void show(const TrainProgress& at, Progress& progress, const Output& output) {
  const std::string stage = fmt::format("epoch {}/{}", at.epoch + 1, at.epochs);
  if (!at.loss) {
    progress.update(stage, at.samples, at.samples_total, Unit::kSamples);
    return;
  }
  progress.clear();
  std::string line = fmt::format("{}: loss {:.6g}", stage, *at.loss);
  nlohmann::json json = {{"epoch", at.epoch}, {"loss", *at.loss}};
  if (at.val_loss) {
    line += fmt::format(", val loss {:.6g}", *at.val_loss);
    json["val_loss"] = *at.val_loss;
  }
  if (at.val_accuracy) {
    line += fmt::format(", val accuracy {:.2f} %", *at.val_accuracy * 100);
    json["val_accuracy"] = *at.val_accuracy;
  }
  for (const auto& [name, value] : at.val_figures) {
    line += fmt::format(", {}", figure_text(name, value));
    json[name] = value;
  }
  if (output.json) {
    output.result(json, "");
  } else {
    output.note(line);
  }
}

/// Of this rank. Where one rank of the host can have none, all of them say so.
ListenAddress metrics_address(const std::string& text, const World& world) {
  const ListenAddress first = parse_listen_address(text);
  offset_by(first, world.local_size - 1);
  return offset_by(first, world.local_rank);
}

nlohmann::ordered_json worst_samples(const Evaluation& evaluation, const TrainOptions& options) {
  const auto dataset = Dataset::open(options.url, options.connection)->with_split("val");
  const Schema& schema = dataset->schema();
  nlohmann::ordered_json shown = nlohmann::ordered_json::object();
  if (const auto* target = schema.find(options.target); target && !target->classes.empty())
    shown["classes"] = target->classes;
  if (evaluation.worst.empty()) return shown;
  std::vector<std::uint64_t> numbers;
  for (const auto& sample : evaluation.worst) numbers.push_back(sample.number);
  const Batch batch = Samples(dataset).read(numbers);
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const auto& column : schema.columns) names.push_back(column.name);
  nlohmann::ordered_json samples = nlohmann::ordered_json::array();
  Shower shower;
  for (std::int64_t i = 0; i < batch.size; ++i) samples.push_back(shower.sample(schema, batch, i));
  shown["shown"] = {{"names", names}, {"samples", samples}};
  return shown;
}

/// For the page: the samples that the model is most wrong about, and the names of its classes.
/// Empty where they cannot be read any more: the training is done all the same.
nlohmann::ordered_json shown_of(const TrainSummary& summary, const TrainOptions& options,
                                const Output& output) {
  if (!summary.evaluation) return nlohmann::ordered_json::object();
  try {
    return worst_samples(*summary.evaluation, options);
  } catch (const Error& error) {
    output.warn(fmt::format("ringfeed: the page shows no samples: {}", error.what()));
    return nlohmann::ordered_json::object();
  }
}

/// Whether there is a checkpoint that --resume auto would go on from.
bool has_checkpoint(const std::string& folder) {
  std::error_code ignored;
  const std::filesystem::directory_iterator entries(folder, ignored);
  return std::ranges::any_of(begin(entries), end(entries), [](const auto& entry) {
    return entry.path().filename().string().starts_with("checkpoint-");
  });
}

/// The weights of another run are not replaced in silence.
void check_weights(const RunFlags& options) {
  const TrainOptions& train = options.train;
  const std::string& folder = train.output;
  const bool begins =
      train.resume.empty() || (train.resume == "auto" && !has_checkpoint(train.checkpoint_dir));
  if (options.overwrite || !begins) return;
  if (!std::filesystem::exists(std::filesystem::path(folder) / "weights.safetensors")) return;
  throw Error(ErrorCode::kConflict,
              fmt::format("{}: the weights of another run are here; choose another folder, or give "
                          "--overwrite to replace them",
                          folder));
}

/// What the run was started with, defaults included, as --config takes it.
void write_config(const RunFlags& options, const Command& command) {
  const std::string path = (std::filesystem::path(options.train.output) / "config.toml").string();
  const std::string text = fmt::format("# ringfeed train {} --config {} --output ANOTHER\n{}",
                                       options.train.url, path, config_text(*command.app));
  replace_file(path, [&](File& file) { file.write(text); });
}

int train_rank(RunFlags& options, const Command& command, Interrupt& interrupt) {
  TrainOptions& train_options = options.train;
  const Output& output = command.output;
  Progress progress(output.quiet);
  options.record.warn = [&](const std::string& line) { output.warn(line); };
  options.record.read_threads = train_options.read_threads;
  options.record.assemble_threads = train_options.assemble_threads;
  if (!train_options.output.empty())
    options.record.page = (std::filesystem::path(train_options.output) / "report.html").string();
  train_options.stop = interrupt.stop();
  train_options.finish = interrupt.finish();
  bool keeps_weights = !train_options.output.empty() || !train_options.checkpoint_dir.empty();
  train_options.warn = [&](const std::string& advice) { output.note("ringfeed: " + advice); };
  return run_rank([&] {
    const World world = World::from_environment();
    if (!options.metrics_port.empty()) {
      options.record.metrics_address = metrics_address(options.metrics_port, world);
      train_options.meters_interval = kServedInterval;
    }
    RunRecord record(options.record, world.rank);
    if (const std::string url = record.metrics_url(); !url.empty())
      output.note(fmt::format("ringfeed: metrics of rank {}: {}", world.rank, url));
    record.start(options_json(train_options, world));
    train_options.progress = [&](const TrainProgress& at) {
      if (!std::exchange(keeps_weights, true))
        output.note("ringfeed: the weights are not kept; --output DIR keeps them");
      show(at, progress, output);
      if (at.loss) record.epoch(at);
    };
    if (options.record.has_steps()) {
      train_options.step = [&](const TrainStep& step) { record.step(step); };
      train_options.interval = [&](const TrainInterval& interval) { record.interval(interval); };
    }
    if (options.record.has_meters())
      train_options.meters = [&](int rank, const Meters& meters) { record.meters(rank, meters); };
    const TrainSummary summary = load_train_part().train(train_options);
    if (summary.rank != 0) return;
    progress.clear();
    const nlohmann::json json = summary_json(summary);
    const std::string path =
        (std::filesystem::path(train_options.output) / "summary.json").string();
    const bool all_was_trained = summary.samples == 0 && std::filesystem::exists(path);
    if (!train_options.output.empty() && !all_was_trained) {
      replace_file(path, [&](File& file) { file.write(json.dump(2) + "\n"); });
      write_config(options, command);
    }
    record.end(json, options.record.page.empty() ? nlohmann::ordered_json::object()
                                                 : shown_of(summary, train_options, output));
    output.result(json, summary_text(summary, train_options, path, options.record.page));
  });
}

int trial_rank(TrainOptions& options, const TrialRequest& request, const Interrupt& interrupt) {
  options.trial = request.trial;
  options.epochs = kTrialEpochs;
  options.on_nan = "continue";
  options.stop = interrupt.stop();
  return run_rank([&] {
    const TrainSummary summary = load_train_part().train(options);
    if (summary.rank == 0) report_trial(request, summary);
  });
}

int run_train(RunFlags& options, Command& command) {
  TrainOptions& train_options = options.train;
  const Output& output = command.output;
  command.connection.in_launched_rank = is_launched_rank();
  take_train_flags(*command.app, options, command.connection, output);
  train_options.on_nan = options.on_nan;
  if (options.record.log == kStandardOutput) {
    check_standard_output("--log", output);
    command.output.stdout_is_taken = true;
  }
  if (train_options.output == kStandardOutput) {
    throw Error(ErrorCode::kInvalidArgument,
                "--output -: it is a folder, which standard output cannot be; choose a name");
  }
  const bool trains = options.nproc == 1 || is_launched_rank();
  Interrupt interrupt(train_options.checkpoint_dir.empty() ? Interrupt::Sigterm::kStops
                                                           : Interrupt::Sigterm::kFinishes,
                      trains && World::from_environment().size > 1);
  return interrupt.run(output, "", [&] {
    // Of ranks that were launched, the launcher has it for them.
    std::optional<OutputFolder> folder;
    const bool is_first = !is_launched_rank() && World::from_environment().rank == 0;
    if (is_first && !train_options.output.empty()) {
      folder.emplace(train_options.output);
      check_weights(options);
    }
    if (const auto trial = trial_of_this_rank())
      return trial_rank(train_options, *trial, interrupt);
    if (trains) return train_rank(options, command, interrupt);
    LaunchOptions launch;
    launch.ranks = options.nproc;
    launch.arguments = command.arguments;
    // What was typed or read from a pipe cannot be read again by each rank, and arguments are seen
    // by everyone.
    if (const auto& password = train_options.connection.password)
      launch.environment = {"RINGFEED_PASSWORD=" + password->reveal()};
    launch.stop = interrupt.stop();
    if (!train_options.checkpoint_dir.empty()) launch.finish = interrupt.finish();
    launch.told = [&](int signal) { interrupt.take(signal); };
    launch_ranks(launch);
    return 0;
  });
}

void add_result_options(CLI::App& app, RunFlags& options) {
  TrainOptions& train_options = options.train;
  app.add_option("--output", train_options.output,
                 "folder for weights.safetensors, summary.json and report.html");
  app.add_flag("--overwrite", options.overwrite,
               "replace the weights of another run in --output (not needed with --resume)");
  app.add_option("--on-nan", options.on_nan,
                 "what to do when the loss is NaN or infinite; stop: with exit code 1")
      ->check(CLI::IsMember({"stop", "continue"}));
}

void add_record_options(CLI::App& app, RunFlags& options) {
  app.add_option(
      "--log", options.record.log,
      "file that gets a JSON line for each step and epoch, behind what it has; -: stdout");
  app.add_option("--tensorboard", options.record.tensorboard,
                 "folder for TensorBoard: losses, accuracy, learning rate, samples/s");
  app.add_option("--metrics", options.record.metrics,
                 "file for Prometheus's textfile collector, e.g. run.prom, written anew each 10 s; "
                 "rank 1 writes run.rank1.prom, the others likewise (docs/meters.md)");
  app.add_option("--metrics-port", options.metrics_port,
                 "port at which Prometheus can fetch the same, of this host alone unless an "
                 "address is said, e.g. 0.0.0.0:9100; 0: any that is free, which is printed; the "
                 "second rank of a host has the next one, the others likewise");
}

void add_resume_options(CLI::App& app, RunFlags& options) {
  TrainOptions& train_options = options.train;
  app.add_option("--checkpoint-dir", train_options.checkpoint_dir,
                 "folder of checkpoints: one at the end of each epoch");
  app.add_option("--checkpoint-every", train_options.checkpoint_every,
                 "steps after which there is one, too (default: none)");
  app.add_option("--checkpoint-keep", train_options.checkpoint_keep,
                 "how many of the newest checkpoints stay");
  app.add_option("--resume", train_options.resume,
                 "auto: go on from the newest checkpoint of --checkpoint-dir, if there is one; or "
                 "the path of one; on any number of processes");
  app.add_option("--ledger", train_options.ledger,
                 "folder for a log of the samples that each process was given, for 'ringfeed "
                 "audit'");
}

}  // namespace

void add_train(CLI::App& program, Command& command) {
  auto options = std::make_shared<RunFlags>();
  CLI::App* app = command.app = program.add_subcommand("train", kTrainHelp);
  app->footer(kTrainExamples);
  add_train_options(*app, *options);
  add_learning_options(*app, options->train);
  add_result_options(*app, *options);
  add_resume_options(*app, *options);
  add_record_options(*app, *options);
  add_connection_options(*app, command.connection);
  command.action = [options, &command] { return run_train(*options, command); };
}

}  // namespace ringfeed::cli
