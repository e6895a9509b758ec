// The options of a run, by group.
#include "cli/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <ringfeed/error.hpp>
#include <ringfeed/url.hpp>

#include "base/byte_size.hpp"
#include "cli/order_options.hpp"
#include "train/plan.hpp"

namespace ringfeed::cli {
namespace {

void add_data_options(CLI::App& app, TrainFlags& options) {
  TrainOptions& train_options = options.train;
  app.add_option("URL", train_options.url,
                 "the data set; ?split= chooses what is trained on (default train)")
      ->required();
  app.add_option("--input", train_options.input,
                 "column of the input; several, a,b,c, are put side by side, or are the arguments "
                 "of a file's model")
      ->required();
  app.add_option("--target", train_options.target, "column of the target; loss model needs none");
  add_order_options(app, {train_options.global_batch, options.shuffle, train_options.lanes,
                          train_options.window});
  app.add_option("--batch-size-per-rank", options.batch_size_per_rank,
                 "instead of --batch-size: samples per step and rank")
      ->excludes("--batch-size");
  app.add_option("--tail", options.tail,
                 "what becomes of the samples of an epoch that fill no step: share (no step is "
                 "larger than the "
                 "batch size, the last two may be smaller), drop (left out), join (the last step "
                 "may be larger)")
      ->check(CLI::IsMember({"share", "drop", "join"}));
  app.add_option("--prefetch-bytes", options.prefetch_bytes,
                 "bound of what the feed of a rank holds, e.g. 512MiB (default: 256MiB or what the "
                 "order needs + 128MiB)");
  app.add_option("--read-threads", train_options.read_threads,
                 "threads of a rank that check and decode what is read");
  app.add_option("--assemble-threads", train_options.assemble_threads,
                 "threads of a rank that copy samples into batches");
  app.add_option(
      "--decode", options.decode,
      "COLUMN=STEPS: a column of pictures, and the steps that make a tensor of each, e.g. "
      "image=random_resized_crop:224,flip,normalize:imagenet (docs/images.md); again for "
      "another column");
  app.add_option("--decode-threads", train_options.decode_threads,
                 "threads of a rank that do it, each a batch at a time (default: cores / ranks)");
  auto* cache = app.add_option("--cache", options.cache,
                               "folder in which blocks are kept as they are read, for later epochs "
                               "and runs of this host (docs/cache.md)");
  app.add_option("--cache-bytes", options.cache_bytes,
                 "bound of that folder, e.g. 200GiB (default: as much as the disk takes)")
      ->needs(cache);
}

std::string complaint_about_model(const std::string& model) {
  const auto is_it = [&](const auto& named) { return named.first == model; };
  if (is_model_file(model) || std::ranges::any_of(kModels, is_it)) return {};
  return fmt::format("'{}' is no model; use {}", model, kModelChoices);
}

void add_model_options(CLI::App& app, TrainFlags& options) {
  TrainOptions& train_options = options.train;
  app.add_option("--model", train_options.model,
                 "the model: linear, mlp, cnn, resnet18, resnet50, transformer, or a file of "
                 "TorchScript (net.pt)")
      ->check(CLI::Validator(complaint_about_model, ""));
  app.add_option("--output-index", train_options.output_index,
                 "of a file's model that gives several tensors: the one for the loss, by number "
                 "from 0 or by key");
  app.add_option("--hidden", train_options.hidden,
                 "sizes of the hidden layers (default: 256,256; cnn: 128; transformer: 128,128, "
                 "a layer of the encoder each)")
      ->delimiter(',');
  app.add_option("--loss", train_options.loss, "the loss; model: what the model of a file gives")
      ->check(CLI::IsMember({"mse", "cross_entropy", "bce", "model"}));
  app.add_option("--class-weights", train_options.class_weights,
                 "cross_entropy: a weight per class, comma-separated")
      ->delimiter(',');
  app.add_option("--optimizer", train_options.optimizer, "the optimizer")
      ->check(CLI::IsMember({"sgd", "adam", "adamw"}));
  app.add_option("--lr", train_options.learning_rate, "learning rate");
  app.add_option("--momentum", train_options.momentum, "of sgd");
  app.add_option("--weight-decay", options.weight_decay, "default 0.01 for adamw, else 0");
}

void add_run_options(CLI::App& app, TrainFlags& options) {
  TrainOptions& train_options = options.train;
  app.add_option("--epochs", train_options.epochs, "passes over the data set");
  app.add_option("--seed", train_options.seed, "of the order and of the first parameters");
  app.add_option("--nproc", options.nproc, "processes to start on this host");
  app.add_option("--parallel", train_options.parallel,
                 "ddp: one device per process; data-parallel: one process, all its devices")
      ->check(CLI::IsMember({"ddp", "data-parallel"}));
  app.add_option(
         "--device", train_options.device,
         "where to compute; auto: on CUDA where each process of this host can have a device "
         "of its own, else on the CPU")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  app.add_option("--threads", train_options.threads,
                 "compute threads per rank (default: cores / ranks)");
  app.add_option("--collective-timeout", options.collective_timeout,
                 "seconds that a rank waits for the others at most");
}

/// Steps by column.
std::map<std::string, std::string> decode_of(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> decode;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--decode '{}': it is COLUMN=STEPS, e.g. "
                              "image=random_resized_crop:224,flip,normalize:imagenet",
                              text));
    }
    if (!decode.try_emplace(text.substr(0, equals), text.substr(equals + 1)).second) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("--decode: column '{}' stands twice; give all its steps at once",
                              text.substr(0, equals)));
    }
  }
  return decode;
}

void set_cache(TrainFlags& flags, const Output& output) {
  ConnectionOptions& connection = flags.train.connection;
  connection.cache_dir = flags.cache;
  if (!flags.cache_bytes.empty()) connection.cache_bytes = parse_bytes(flags.cache_bytes);
  if (!connection.warn) connection.warn = [output](const std::string& line) { output.warn(line); };
}

}  // namespace

void add_train_options(CLI::App& app, TrainFlags& flags) {
  add_data_options(app, flags);
  add_model_options(app, flags);
  add_run_options(app, flags);
}

void take_train_flags(const CLI::App& app, TrainFlags& flags, const ConnectionFlags& connection,
                      const Output& output) {
  TrainOptions& train = flags.train;
  train.shuffle = shuffle_from_name(flags.shuffle);
  train.tail = tail_from_name(flags.tail);
  if (!flags.prefetch_bytes.empty()) train.prefetch_bytes = parse_bytes(flags.prefetch_bytes);
  if (app.count("--weight-decay") > 0) train.weight_decay = flags.weight_decay;
  if (app.count("--batch-size-per-rank") > 0) train.batch_size_per_rank = flags.batch_size_per_rank;
  train.collective_timeout = std::chrono::seconds(flags.collective_timeout);
  train.connection = connection_options(connection, Url::parse(train.url), output);
  train.decode = decode_of(flags.decode);
  if (!flags.cache.empty()) set_cache(flags, output);
}

}  // namespace ringfeed::cli
