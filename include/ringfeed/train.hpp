// Data-parallel training of a model on a data set. Torch is behind it, not in it.
// <ringfeed/launch.hpp> starts the ranks that do it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/meters.hpp>
#include <ringfeed/order.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

struct TrainProgress {
  std::uint64_t epoch = 0;  ///< from 0
  std::uint64_t epochs = 0;
  std::uint64_t samples = 0;  ///< of this epoch, over all ranks, trained on so far
  std::uint64_t samples_total = 0;
  /// At the end of an epoch only: the mean training loss, and the validation figures where there
  /// are any.
  std::optional<double> loss;
  std::optional<double> val_loss;
  std::optional<double> val_accuracy;
};

/// A step that was trained on.
struct TrainStep {
  std::uint64_t epoch = 0;  ///< from 0
  std::uint64_t step = 0;   ///< of the epoch, from 0
  std::uint64_t steps = 0;  ///< trained on since the run began, with this one, over all its starts
  std::uint64_t samples = 0;  ///< of the step, over all ranks
  double loss = 0;            ///< the mean over them
  double learning_rate = 0;
  double seconds = 0;       ///< that it took on rank 0, with the wait for its batch
  double wait_seconds = 0;  ///< of these, for the batch
};

/// Where one rank's training time went. Evaluation and start-up are not in it.
struct TrainSeconds {
  double total = 0;
  double wait = 0;        ///< for the feed
  double forward = 0;     ///< with the loss
  double backward = 0;    ///< the rank's own part
  double all_reduce = 0;  ///< of gradients, as far as backward did not hide it
  double optimizer = 0;
  // Beside it, on threads of the feed:
  double store = 0;     ///< waiting for the store
  double budget = 0;    ///< of that, while TrainOptions::prefetch_bytes kept the store idle
  double check = 0;     ///< checking and decoding what it gave
  double disk = 0;      ///< of that, not on a core: mostly for the disk to read
  double assemble = 0;  ///< copying samples into batches
};

/// Each part of a rank's time.
inline constexpr std::array kTrainParts = {
    &TrainSeconds::total,    &TrainSeconds::wait,       &TrainSeconds::forward,
    &TrainSeconds::backward, &TrainSeconds::all_reduce, &TrainSeconds::optimizer,
    &TrainSeconds::store,    &TrainSeconds::budget,     &TrainSeconds::check,
    &TrainSeconds::disk,     &TrainSeconds::assemble};

/// What a node of Cassandra answered to one rank.
struct NodeAnswers {
  std::string node;  ///< its address
  Meter times = {};  ///< a histogram: each from asking to its answer
};

/// What the ranks did in some steps in a row.
struct TrainInterval {
  std::uint64_t steps = 0;  ///< trained on by its end, over all starts of the run
  double begin = 0;         ///< seconds since training began on rank 0
  double end = 0;
  std::vector<TrainSeconds> ranks = {};  ///< in this interval; `total` is that of the steps
  std::vector<NodeAnswers> nodes = {};   ///< in this interval, to rank 0; of a Cassandra store
};

/// A short run that shows how fast a longer one would be: it ends after some seconds, at the same
/// step on all ranks, and evaluates nothing.
struct Trial {
  std::chrono::milliseconds warm_up = {};  ///< trained before it counts
  std::chrono::milliseconds time = {};     ///< what the summary is about
  /// The first batch is trained on again and again: what the model takes without a feed.
  bool held_batch = false;
};

struct TrainOptions {
  /// The data set; ?split= chooses what is trained on (default train). Split `val` is evaluated
  /// where there is one.
  std::string url;
  ConnectionOptions connection;  ///< for a cassandra:// data set
  /// "linear": one layer over the flattened input. "mlp": hidden layers with ReLU over the
  /// flattened input. "cnn": 3x3 convolutions with ReLU and 2x2 max pooling, then hidden layers;
  /// its input is [height, width] or [channels, height, width], each side at least 2. Else the path
  /// of a file of TorchScript (a name with '.' or '/' in it), at most 1 TiB, whose parameters are
  /// all float32 or all float64: its forward takes the input columns as tensors [B, ...], in their
  /// order, and gives [B, ...].
  std::string model = "mlp";
  /// Of a file's model that gives several tensors: the one that the loss takes, by its number from
  /// 0 (tuple, list) or its key (dict). Empty: it gives one.
  std::string output_index;
  /// Sizes of the hidden layers, 1 to 65,536 each, at most 64. Empty: {256, 256} for mlp, {128} for
  /// cnn. linear has none.
  std::vector<std::int64_t> hidden;
  /// Columns. The input is a tensor of any dtype, and becomes float32; uint8 is divided by 255,
  /// nothing else is scaled. A file's model gets floating-point numbers and uint8 in its own dtype,
  /// other integers and bool as int64.
  /// "a,b,c": several; a built-in model has them side by side (but for cnn).
  std::string input;
  std::string target;
  /// "cross_entropy": target is a whole number per sample, the classes are 0 to the largest label
  /// of all splits. "mse": target is floating-point, the output has its shape. "bce": target is
  /// bool, or numbers from 0 to 1; the output has its shape and is a logit.
  std::string loss = "cross_entropy";
  /// cross_entropy only: a weight for each class, at least 0; empty: all 1.
  std::vector<double> class_weights;
  /// "sgd", "adam", "adamw".
  std::string optimizer = "adam";
  double learning_rate = 1e-3;  ///< above 0
  double momentum = 0;          ///< sgd only: 0 to below 1
  std::optional<double>
      weight_decay;                 ///< at least 0; without it 0.01 for adamw, else 0, as in torch
  std::uint64_t epochs = 1;         ///< 1 to 1,000,000
  std::uint64_t global_batch = 64;  ///< samples per step over all ranks, at least their number
  /// Instead of global_batch: this many per rank.
  std::optional<std::uint64_t> batch_size_per_rank;
  std::uint64_t seed = 0;  ///< of the order of samples and of the model's first parameters
  Shuffle shuffle = Shuffle::kBlock;
  std::uint32_t lanes = 64;          ///< at least the ranks; as in OrderOptions
  std::uint32_t window = 2;          ///< as in OrderOptions
  Tail tail = Tail::kShare;          ///< what becomes of the samples that fill no step
  std::uint64_t prefetch_bytes = 0;  ///< as in FeedOptions, like the next two
  int read_threads = 1;
  int assemble_threads = 1;
  /// "ddp": one device per process. "data-parallel": one process, all its devices.
  std::string parallel = "ddp";
  /// "cpu"; "cuda": each rank of a host a device of its own; "auto": cuda where that is possible,
  /// else cpu.
  std::string device = "auto";
  /// Compute threads of this rank, 1 to 1,024; 0: the cores divided by the ranks on this host.
  int threads = 0;
  /// Folder for weights.safetensors, made when missing; empty: weights are not saved.
  std::string output;
  /// Folder of a Ledger (<ringfeed/ledger.hpp>): a file per rank and start; empty: none.
  std::string ledger;
  /// Folder of checkpoints (docs/training.md), made when missing; empty: none. Used by rank 0
  /// alone, and by one run at a time (kConflict). One is written at the end of each epoch.
  std::string checkpoint_dir;
  /// Also after every so many steps; 0: not.
  std::uint64_t checkpoint_every = 0;
  std::uint64_t checkpoint_keep = 3;  ///< at least 1: as many of the newest stay
  /// "auto": go on from the newest in checkpoint_dir, if there is one. Else the path of a
  /// checkpoint; empty: start anew, with no checkpoint in checkpoint_dir (kConflict). The ranks may
  /// be others than then, and as many as fit the order.
  std::string resume;
  /// "stop": a loss that is NaN or infinite ends the run (kInternal: it names the step, its samples
  /// and the last checkpoint) before it can spoil the weights or a checkpoint. "continue".
  std::string on_nan = "stop";
  /// The longest wait for the other ranks.
  std::chrono::milliseconds collective_timeout = std::chrono::minutes(5);
  /// Set on all ranks or on none.
  std::optional<Trial> trial;
  /// Called on rank 0 only, after each step and at the end of each epoch; must not throw.
  std::function<void(const TrainProgress&)> progress;
  /// Called on rank 0 only, once for each step, in their order, up to 50 steps late: to add up the
  /// losses of the ranks after each would cost more than a small step. Set on all ranks or on none;
  /// must not throw.
  std::function<void(const TrainStep&)> step;
  /// The same, after the steps that it is about; at the latest after 50 of them.
  std::function<void(const TrainInterval&)> interval;
  /// Called on each rank, on a thread of its own, each meters_interval and at the end, with what it
  /// measures (docs/meters.md); must not throw.
  std::function<void(int rank, const Meters&)> meters;
  std::chrono::milliseconds meters_interval = std::chrono::seconds(10);
  /// Called on rank 0 only, before the first step, with advice on options that make a run slower
  /// than it need be; must not throw.
  std::function<void(const std::string&)> warn;
  /// Asked to stop: Error{kCancelled} at the next safe place; the last checkpoint is there.
  std::stop_token stop;
  /// Asked to finish on any rank, all ranks end the same step within about a quarter of a second,
  /// write a checkpoint, and throw Error{kCancelled}; without checkpoint_dir it is as `stop`.
  /// Behind the last step training comes to its end.
  std::stop_token finish;
};

/// What the evaluation after the last epoch shows beside its means.
struct Evaluation {
  struct Sample {
    std::uint64_t number = 0;  ///< in the storage order of the split val
    double loss = 0;
    double target = 0;  ///< the class, or the value
    double output = 0;  ///< the class that was said, or the value
  };
  /// Samples by class and by what the model said, [class][said]; of cross_entropy with at most 256
  /// classes, and of bce with one element. Else empty.
  std::vector<std::vector<std::uint64_t>> confusion;
  /// Those with the largest loss, at most 16, the largest first. Of a target with several elements
  /// there are none.
  std::vector<Sample> worst;
};

struct TrainSummary {
  int rank = 0;
  int world_size = 1;
  /// The mean training loss of each epoch over all samples, each at the time it was trained on. The
  /// same on every rank, and to the last digit in each run with the same data set version, options,
  /// ranks and threads.
  std::vector<double> losses;
  std::optional<double> val_loss;      ///< after the last epoch
  std::optional<double> val_accuracy;  ///< 0 to 1; cross_entropy and bce only
  std::optional<Evaluation> evaluation;
  std::uint64_t samples = 0;      ///< trained on since the start, over all ranks and epochs
  double samples_per_second = 0;  ///< samples / seconds.total
  double wait_share = 0;          ///< seconds.wait / seconds.total
  TrainSeconds seconds;           ///< of this rank
  double cpu_seconds = 0;         ///< of this process; of a Trial only
  std::string
      weights;  ///< path of the weights; empty on other ranks than 0, or when none were saved
  std::string device;  ///< "cpu", "cuda:0", "4 CUDA devices"
  int threads = 1;     ///< compute threads per rank
  std::uint64_t dataset_version = 0;
  std::string resumed_from;  ///< path of the checkpoint; empty when the run started anew
  Position start;            ///< where it went on
  std::string torch_version;
};

/// Trains, as the rank that the environment names (RANK, WORLD_SIZE, ...; none: alone). Sets
/// torch's number of threads, seed and deterministic algorithms in this process. With several
/// ranks: once per process. Errors: those of Dataset::open and Feed; kInvalidArgument (options that
/// do not fit each other or the data), kUnavailable, kTimeout (another rank is gone, or silent),
/// kCancelled.
TrainSummary train(const TrainOptions& options);

}  // namespace ringfeed
