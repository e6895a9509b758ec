// Training: a model on a data set, data-parallel. Torch is behind it, not in it.
// <ringfeed/launch.hpp> starts the ranks that do it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/meters.hpp>
#include <ringfeed/order.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed {

/// Dtypes in which gradients are sent between the ranks: their own, or one of 16 bits.
enum class GradientCompression : std::uint8_t { kNone, kFloat16, kBFloat16 };

/// Figures of an evaluation beside loss and accuracy, by their names: "val_top_5_accuracy" (0 to 1;
/// cross_entropy with TrainOptions::top_k), "val_mae" and "val_r2" (mse). The mean absolute error
/// is the mean over a sample's elements, and over the samples; R2 is 1 - the sum of squared errors
/// / the sum of squares about the mean of each element, absent where all targets are equal.
using ValidationFigures = std::vector<std::pair<std::string, double>>;

/// Progress of train().
struct TrainProgress {
  std::uint64_t epoch = 0;  ///< number, from 0
  std::uint64_t epochs = 0;
  std::uint64_t samples = 0;  ///< samples of this epoch trained on by all ranks
  std::uint64_t samples_total = 0;
  /// Figures at the end of an epoch only: the mean training loss, and those of the validation where
  /// there is one.
  std::optional<double> loss;
  std::optional<double> val_loss;
  std::optional<double> val_accuracy;
  ValidationFigures val_figures;
};

/// Step that was trained on.
struct TrainStep {
  std::uint64_t epoch = 0;    ///< number, from 0
  std::uint64_t step = 0;     ///< number in the epoch, from 0
  std::uint64_t steps = 0;    ///< steps since the run began, with this one, over all its starts
  std::uint64_t samples = 0;  ///< samples of the step, over all ranks
  double loss = 0;            ///< mean loss of them
  double learning_rate = 0;
  double seconds = 0;       ///< time on rank 0, with the wait for its batch
  double wait_seconds = 0;  ///< part of it: the wait for the batch
};

/// Seconds of one rank's training, by what they went to. Evaluation and start-up are not in them.
struct TrainSeconds {
  double total = 0;
  double wait = 0;        ///< waits for the feed
  double forward = 0;     ///< forward, with the loss
  double backward = 0;    ///< the rank's own part
  double all_reduce = 0;  ///< all-reduce of gradients, as far as backward did not hide it
  double optimizer = 0;
  // Times beside it, on threads of the feed:
  double store = 0;     ///< waiting for the store
  double budget = 0;    ///< part of store: TrainOptions::prefetch_bytes kept the store idle
  double check = 0;     ///< checking and decoding what it gave
  double disk = 0;      ///< part of check not on a core, mostly waiting for the disk
  double assemble = 0;  ///< copying samples into batches
};

/// Parts of a rank's time.
inline constexpr std::array kTrainParts = {
    &TrainSeconds::total,    &TrainSeconds::wait,       &TrainSeconds::forward,
    &TrainSeconds::backward, &TrainSeconds::all_reduce, &TrainSeconds::optimizer,
    &TrainSeconds::store,    &TrainSeconds::budget,     &TrainSeconds::check,
    &TrainSeconds::disk,     &TrainSeconds::assemble};

/// Answers of a node of Cassandra to one rank.
struct NodeAnswers {
  std::string node;  ///< its address
  Meter times = {};  ///< a histogram: each from asking to its answer
};

/// Interval: what the ranks did in some steps in a row.
struct TrainInterval {
  std::uint64_t steps = 0;  ///< trained on by its end, over all starts of the run
  double begin = 0;         ///< seconds since training began on rank 0
  double end = 0;
  std::vector<TrainSeconds> ranks = {};  ///< times in this interval; `total` is that of the steps
  std::vector<NodeAnswers> nodes =
      {};  ///< answers in this interval to rank 0, of a Cassandra store
};

/// A short run that shows how fast a longer one would be: it ends after some seconds, at the same
/// step on all ranks, and evaluates nothing.
struct Trial {
  std::chrono::milliseconds warm_up = {};  ///< training before it counts
  std::chrono::milliseconds time = {};     ///< time that the summary is about
  /// Trains on the first batch again and again: what the model takes without a feed.
  bool held_batch = false;
};

/// Options of train().
struct TrainOptions {
  /// The data set; ?split= chooses what is trained on (default train). Split `val` is evaluated
  /// where there is one.
  std::string url;
  ConnectionOptions connection;  ///< connection to a cassandra:// data set
  /// Model. "linear": one layer over the flattened input. "mlp": hidden layers with ReLU over the
  /// flattened input. "cnn": 3x3 convolutions with ReLU and 2x2 max pooling, then hidden layers;
  /// its input is [height, width] or [channels, height, width], each side at least 2. "resnet18",
  /// "resnet50": torchvision's, of [3, height, width], each side at least 32. "transformer": an
  /// encoder over a sequence, [length, features] or [length], whole numbers in [length] being token
  /// ids from 0; its layers have `hidden` units each, and the mean over the sequence goes into the
  /// output layer. Else the path of a file of TorchScript (a name with '.' or '/' in it), at most
  /// 1 TiB, whose parameters are all float32 or all float64: its forward takes the input columns as
  /// tensors [B, ...], in their
  /// order, and gives [B, ...].
  std::string model = "mlp";
  /// Tensor that the loss takes, of a file's model that gives several: by its number from 0 (tuple,
  /// list) or its key (dict). Empty: it gives one.
  std::string output_index;
  /// Sizes of the hidden layers, 1 to 65,536 each, at most 64. Empty: {256, 256} for mlp, {128} for
  /// cnn, {128, 128} for transformer. linear has none.
  std::vector<std::int64_t> hidden;
  /// Numbers of a transformer for each element of a sequence, 1 to 65,536.
  std::int64_t width = 64;
  std::int64_t heads = 4;  ///< heads of its attention, 1 to 1,024; they divide `width`
  /// Names of columns. The input is a tensor of any dtype, and becomes float32; uint8 is divided by
  /// 255, nothing else is scaled. A file's model gets floating-point numbers and uint8 in its own
  /// dtype, other integers and bool as int64. "a,b,c" are several; a built-in model has them side
  /// by side (but for cnn).
  std::string input;
  std::string target;
  /// Loss. "cross_entropy": target is a whole number per sample, the classes are 0 to the largest
  /// label of all splits. "mse": target is floating-point, the output has its shape. "bce": target
  /// is bool, or numbers from 0 to 1; the output has its shape and is a logit. "model": what the
  /// model of a file gives, a mean over the samples without a dimension or the loss of each, [B];
  /// the target is not looked at, and may be empty: columns that the loss needs are inputs.
  std::string loss = "cross_entropy";
  /// Weights of the classes, each at least 0, for cross_entropy alone; empty: all 1.
  std::vector<double> class_weights;
  /// Optimizer: "sgd", "adam" or "adamw".
  std::string optimizer = "adam";
  double learning_rate = 0.001;  ///< step size, above 0
  double momentum = 0;           ///< momentum of sgd, 0 to below 1
  /// Weight decay, from 0; without it 0.01 for adamw, else 0, as in torch.
  std::optional<double> weight_decay;
  /// Schedule of the learning rate, by step: "constant"; "step": times `decay` after every
  /// `decay_every` steps; "cosine": down to 0 by the last step; "one-cycle": up to learning_rate
  /// and down again, as torch's OneCycleLR (its momentum stays).
  std::string schedule = "constant";
  /// Steps in which the rate rises in equal parts before the schedule begins, fewer than the run
  /// has; of one-cycle the steps of its rise (0: three tenths of all).
  std::uint64_t warm_up = 0;
  std::uint64_t decay_every = 0;  ///< steps, of schedule "step"
  double decay = 0.1;             ///< factor of schedule "step", above 0
  /// Largest norm of the gradient of a whole step, above 0; without it gradients are not clipped.
  std::optional<double> clip_norm;
  /// Parts in which a rank computes its share of a step one behind the other, 1 to 65,536: it needs
  /// the memory of a part. The step, its gradient and the samples of it are the same.
  std::uint64_t accumulate = 1;
  /// Precision of most of forward: "float32" is the dtype of the parameters, whatever that is;
  /// "bfloat16" computes what torch's autocast takes for it in bfloat16. Parameters, gradients and
  /// the loss stay in theirs.
  std::string precision = "float32";
  /// Layout of images and filters: with it the channels of a pixel are neighbours in memory, which
  /// some convolutions compute faster.
  bool channels_last = false;
  /// Dtype in which gradients are sent, "bfloat16" or "float16"; "none": their own.
  std::string compress_gradients = "none";
  /// Looks in each step for parameters that have no part in it, on some or all ranks; their
  /// gradient is that of the others, or none. Costs a walk over the graph.
  bool find_unused_parameters = false;
  /// Share of a sample's loss that goes to all classes alike, for cross_entropy, 0 to below 1.
  double label_smoothing = 0;
  /// Classes among which the right one counts in `val_top_K_accuracy`, for cross_entropy, from 1.
  std::optional<std::uint64_t> top_k;
  /// Epochs without a better validation loss after which training ends, from 1. Needs a split val.
  std::optional<std::uint64_t> patience;
  /// Decay of an exponential moving average of the weights, 0 to below 1: evaluated and saved in
  /// their place. Without it there is none.
  std::optional<double> ema_decay;
  /// File of safetensors with the first weights, on rank 0 alone; a run that goes on has those of
  /// its checkpoint. Tensors are taken by name and shape; `warn` is told what is not taken.
  std::string init;
  /// Beginnings of names of parameters that are not trained. Their layers' buffers change.
  std::vector<std::string> freeze;
  std::uint64_t epochs = 1;         ///< passes over the data set, 1 to 1,000,000
  std::uint64_t global_batch = 64;  ///< samples per step over all ranks, from 1
  /// Samples per step of one rank, instead of global_batch, from 1.
  std::optional<std::uint64_t> batch_size_per_rank;
  std::uint64_t seed = 0;  ///< seed of the order of samples and of the model's first parameters
  Shuffle shuffle = Shuffle::kBlock;
  std::uint32_t lanes = 64;  ///< OrderOptions::lanes, at least the ranks, 1 to 65,536
  std::uint32_t window = 2;  ///< OrderOptions::window, 1 to 1,024
  Tail tail = Tail::kShare;  ///< treatment of the samples that fill no step
  /// FeedOptions::decode. The validation takes ImageSteps::for_validation() of them.
  std::map<std::string, std::string> decode = {};
  /// FeedOptions::decode_threads, 0 to 256; 0: the cores divided by the ranks on this host.
  int decode_threads = 0;
  std::uint64_t prefetch_bytes = 0;  ///< FeedOptions::prefetch_bytes
  int read_threads = 1;              ///< FeedOptions::read_threads, 1 to 256
  int assemble_threads = 1;          ///< FeedOptions::assemble_threads, 1 to 256
  /// Parallelism. "ddp": one device per process. "data-parallel": one process, all its devices.
  std::string parallel = "ddp";
  /// Device. "cpu"; "cuda": each rank of a host a device of its own; "auto": cuda where that is
  /// possible, else cpu.
  std::string device = "auto";
  /// Compute threads of this rank, 0 to 1,024; 0: the cores divided by the ranks on this host.
  int threads = 0;
  /// Folder for weights.safetensors, made when missing; empty: weights are not saved.
  std::string output;
  /// Folder of a Ledger (<ringfeed/ledger.hpp>): a file per rank and start; empty: none.
  std::string ledger;
  /// Folder of checkpoints (docs/training.md), made when missing; empty: none. Used by rank 0
  /// alone, and by one run at a time (kConflict). One is written at the end of each epoch. That of
  /// the least validation loss stays.
  std::string checkpoint_dir;
  /// Steps after which there is a checkpoint, too; 0: none.
  std::uint64_t checkpoint_every = 0;
  std::uint64_t checkpoint_keep = 3;  ///< newest checkpoints that stay, from 1
  /// Checkpoint to go on from. "auto": the newest in checkpoint_dir, if there is one. Else a path;
  /// empty: start anew, with no checkpoint in checkpoint_dir (kConflict). The ranks may be others
  /// than then, and as many as fit the order.
  std::string resume;
  /// Treatment of a loss that is NaN or infinite. "stop": it ends the run (kInternal: it names the
  /// step, its samples and the last checkpoint) before it can spoil the weights or a checkpoint.
  /// "continue": the run goes on.
  std::string on_nan = "stop";
  /// Longest wait for the other ranks, 1 to 86,400 s.
  std::chrono::milliseconds collective_timeout = std::chrono::seconds(300);
  /// Trial run. It is set on all ranks or on none.
  std::optional<Trial> trial;
  /// Called on rank 0 only, after each step and at the end of each epoch; must not throw.
  std::function<void(const TrainProgress&)> progress;
  /// Called on rank 0 only, once for each step, in their order, up to 50 steps late: to add up the
  /// losses of the ranks after each would cost more than a small step. Set on all ranks or on none;
  /// must not throw.
  std::function<void(const TrainStep&)> step;
  /// Called on rank 0 only, after the steps that it is about; at the latest after 50 of them. Set
  /// on all ranks or on none; must not throw.
  std::function<void(const TrainInterval&)> interval;
  /// Called on each rank, on a thread of its own, each meters_interval and at the end, with what it
  /// measures (docs/meters.md); must not throw.
  std::function<void(int rank, const Meters&)> meters;
  std::chrono::milliseconds meters_interval = std::chrono::seconds(10);
  /// Called on rank 0 only, before the first step, with advice on options that make a run slower
  /// than it need be; must not throw.
  std::function<void(const std::string&)> warn;
  /// Request to stop: Error{kCancelled} at the next safe place; the last checkpoint is there.
  std::stop_token stop;
  /// Request to finish, on any rank: all ranks end the same step within about a quarter of a
  /// second, write a checkpoint, and throw Error{kCancelled}. Without checkpoint_dir it is as
  /// `stop`. Behind the last step training comes to its end.
  std::stop_token finish;
};

/// Evaluation after the last epoch: what it shows beside its means.
struct Evaluation {
  struct Sample {
    std::uint64_t number = 0;  ///< number in the storage order of the split val
    double loss = 0;
    double target = 0;  ///< the class, or the value
    double output = 0;  ///< the class that was said, or the value
  };
  /// Samples by class and by what the model said, [class][said]; for cross_entropy with at most 256
  /// classes, and for bce with one element. Else empty.
  std::vector<std::vector<std::uint64_t>> confusion;
  /// Samples with the largest loss, at most 16, the largest first. There are none when the target
  /// has several elements.
  std::vector<Sample> worst;
};

/// Result of train().
struct TrainSummary {
  int rank = 0;
  int world_size = 1;
  /// The mean training loss of each epoch over all samples, each at the time it was trained on. The
  /// same on every rank, and to the last digit in each run with the same data set version, options,
  /// ranks and threads.
  std::vector<double> losses;
  std::optional<double> val_loss;      ///< loss of the split val after the last epoch
  std::optional<double> val_accuracy;  ///< 0 to 1; cross_entropy and bce only
  ValidationFigures val_figures;
  std::optional<std::uint64_t> best_epoch;  ///< number, from 0, of the least validation loss
  std::optional<double> best_val_loss;
  /// Path of the checkpoint behind that epoch, which stays beside the newest; on rank 0.
  std::string best_checkpoint;
  bool stopped_early = false;  ///< whether TrainOptions::patience ended it
  std::optional<Evaluation> evaluation;
  std::uint64_t samples = 0;      ///< trained on since the start, over all ranks and epochs
  double samples_per_second = 0;  ///< samples / seconds.total
  double wait_share = 0;          ///< seconds.wait / seconds.total
  TrainSeconds seconds;           ///< times of this rank
  double cpu_seconds = 0;         ///< processor time of this process, of a Trial only
  std::string
      weights;  ///< path of the weights; empty on other ranks than 0, or when none were saved
  std::string device;  ///< "cpu", "cuda:0", "4 CUDA devices"
  int threads = 1;     ///< compute threads per rank
  std::uint64_t dataset_version = 0;
  std::string resumed_from;  ///< path of the checkpoint; empty when the run started anew
  Position start;            ///< position at which it went on
  std::string torch_version;
};

/// Trains, as the rank that the environment names (RANK, WORLD_SIZE, ...; none: alone). Sets
/// torch's number of threads, seed and deterministic algorithms in this process, and has glibc keep
/// memory that is freed. With several ranks: once per process. Errors: those of Dataset::open and
/// Feed; kInvalidArgument (options that do not fit each other or the data), kUnavailable, kTimeout
/// (another rank is gone, or silent), kCancelled.
TrainSummary train(const TrainOptions& options);

}  // namespace ringfeed
