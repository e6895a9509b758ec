// Torch: batches as tensors, a process group, and data parallelism, for training loops of your own
// in C++ with torch modules. It includes torch, as <ringfeed/train_with.hpp> does and no other
// public header; link ringfeed::ringfeed_torch.
//
//   auto group = ringfeed::ProcessGroup::join();
//   ringfeed::DistributedDataParallel<Net> net(std::make_shared<Net>(), group);
//   ringfeed::FeedOptions options{.order = {.global_batch = 256}};
//   options.rank = group->rank();
//   options.world_size = group->size();
//   ringfeed::Feed feed(data, options);
//   while (auto batch = feed.next()) {
//     net.zero_grad();
//     auto output = net.forward(ringfeed::to_tensor(batch->column("image")));
//     auto loss = torch::mse_loss(output, ringfeed::to_tensor(batch->column("y")));
//     (loss * batch->weight).backward();
//     optimizer.step();
//   }
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/options/batchnorm.h>
#include <torch/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#if __has_include(<cuda_runtime_api.h>)
#include <torch/nn/parallel/data_parallel.h>
#endif

#include <ringfeed/batch.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/train.hpp>

namespace ringfeed {

/// Makes a tensor over the memory of a column, which the tensor keeps alive. kTensor columns only:
/// else Error{kInvalidArgument}.
torch::Tensor to_tensor(const Column& column);

/// Makes a column of a tensor [samples, ...], over its memory where that is contiguous and on the
/// CPU: samples for open_batches(). Throws Error{kInvalidArgument} for a tensor without a
/// dimension, and a dtype that no column has.
Column to_column(std::string name, const torch::Tensor& tensor);

/// Options of ProcessGroup::join().
struct ProcessGroupOptions {
  /// Longest wait of a rank for the others, at the start and in each collective, 1 ms to 24 h.
  std::chrono::milliseconds timeout = std::chrono::minutes(5);
  /// Device of this rank. Tensors on a CUDA device are reduced over NCCL, by libringfeed_cuda,
  /// which must be on the library path. Each rank of a host has a device of its own.
  torch::Device device = torch::kCPU;
};

/// Reductions.
enum class Reduce : std::uint8_t { kSum, kMax };

/// The ranks of one training run. Collectives are called by all ranks in the same order, from one
/// thread. Their errors: kUnavailable (a rank is gone), kTimeout.
class ProcessGroup {
 public:
  /// A collective under way: the tensor must stay untouched until wait() has returned.
  class Pending {
   public:
    struct Impl;
    explicit Pending(std::unique_ptr<Impl> impl);
    ~Pending();
    Pending(Pending&&) noexcept;
    Pending& operator=(Pending&&) noexcept;
    void wait();

   private:
    std::unique_ptr<Impl> impl_;
  };

  /// Joins the ranks that the environment names (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT: set by
  /// torchrun and by launch_ranks()), over Gloo, and NCCL for CUDA tensors; once per process.
  /// Without the variables, or with one rank, it is a group of one that needs no network. Errors:
  /// kInvalidArgument (the variables, joined before, the CUDA library), kUnavailable, kTimeout (the
  /// others did not come).
  static std::shared_ptr<ProcessGroup> join(const ProcessGroupOptions& options = {});
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  /// The group of several ranks that this process has joined and still holds; else a group of one.
  static std::shared_ptr<ProcessGroup> current();

  int rank() const noexcept;
  int size() const noexcept;

  /// Reduces in place; contiguous tensors of the same shape and dtype on every rank.
  void all_reduce(torch::Tensor tensor, Reduce reduce = Reduce::kSum);
  /// Begins to reduce in place, and returns at once.
  Pending all_reduce_async(torch::Tensor tensor, Reduce reduce = Reduce::kSum);
  /// Gives rank 0's values to all, in place.
  void broadcast(torch::Tensor tensor);

  struct Impl;
  Impl& impl() const noexcept { return *impl_; }

 private:
  explicit ProcessGroup(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Checks, as a collective at the start of a loop of your own, that all ranks are to read the same
/// version of a data set in the same order from the same position. Throws Error{kInvalidArgument}
/// on every rank that names the first rank that differs from rank 0, and in what.
void require_same_order(ProcessGroup& group, const Dataset& dataset, const FeedOptions& options);

/// Options of DistributedDataParallel, as Python's has them.
struct ParallelOptions {
  /// Looks in each step for parameters that have no part in what forward gives, a tensor or several
  /// in a std::vector.
  bool find_unused_parameters = false;
  /// Promise that each step uses the same parameters, each as often: those without a part are
  /// found in the first one.
  bool static_graph = false;
  /// Lays gradients in the buckets that are sent; else they are copied to and fro.
  bool gradient_as_bucket_view = true;
  /// Gives rank 0's buffers to all before a forward.
  bool broadcast_buffers = true;
  GradientCompression compression = GradientCompression::kNone;
};

/// Averages the gradients of one module over the ranks, in buckets, while backward still runs.
/// DistributedDataParallel is made of it; use it for modules whose forward that cannot call.
class GradientReducer {
 public:
  /// Checks that all ranks have the same parameters, then gives rank 0's parameters and buffers to
  /// all. Errors: kInvalidArgument (parameters differ, none needs a gradient), those of the group.
  GradientReducer(std::shared_ptr<torch::nn::Module> module, std::shared_ptr<ProcessGroup> group,
                  const ParallelOptions& options = {});
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Call these around each forward that a backward follows. before_forward() also gives rank 0's
  /// buffers to all. `outputs`, what forward gave, is asked for parameters that have no part in it,
  /// where the options say that there are some.
  void before_forward();
  void before_backward(const std::vector<torch::Tensor>& outputs = {});
  /// Call this alone before a forward whose gradients stay on the rank: the next backward that
  /// before_backward() announces reduces all of them together. Buffers are given to all before the
  /// first forward behind one that reduced, as in Python.
  void before_forward_alone();
  /// Gives rank 0's buffers to all, unless the options say otherwise: before an evaluation. A
  /// collective.
  void give_buffers();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Drops the gradients of a module: cheaper than to zero them.
void drop_gradients(torch::nn::Module& module);

/// A module on each rank, trained as one: after backward each rank has the mean of all ranks'
/// gradients. To make that the gradient of the whole step's mean loss, multiply each rank's mean
/// loss by Batch::weight.
template <typename Module>
class DistributedDataParallel {
 public:
  /// Joins a module of each rank. A group of one rank costs nothing. Errors: those of
  /// GradientReducer.
  DistributedDataParallel(std::shared_ptr<Module> module, std::shared_ptr<ProcessGroup> group,
                          const ParallelOptions& options = {})
      : module_(std::move(module)), group_(std::move(group)) {
    if (group_->size() > 1) reducer_ = std::make_unique<GradientReducer>(module_, group_, options);
  }

  /// Calls Module::forward. With gradients enabled all ranks call it the same number of times, each
  /// followed by a backward that reaches every parameter, unless the options say otherwise; under
  /// torch::NoGradGuard it is the plain module's.
  template <typename... Arguments>
  auto forward(Arguments&&... arguments) {
    const bool trains = reducer_ != nullptr && torch::GradMode::is_enabled();
    const bool reduces = trains && !alone_;
    if (reduces) reducer_->before_forward();
    if (trains && !reduces) reducer_->before_forward_alone();
    auto output = module_->forward(std::forward<Arguments>(arguments)...);
    if (reduces) reducer_->before_backward(tensors_of(output));
    return output;
  }

  /// Gives rank 0's buffers to all, as batch norm's running statistics, before forwards under
  /// torch::NoGradGuard. A collective.
  void give_buffers() {
    if (reducer_ != nullptr) reducer_->give_buffers();
  }

  /// Guard: gradients of forwards that run while it lives stay on the rank and add up, until a
  /// backward of a forward without it reduces them all. Each rank may have any number of them.
  class NoSync {
   public:
    explicit NoSync(DistributedDataParallel& parallel) : alone_(parallel.alone_) { alone_ = true; }
    ~NoSync() { alone_ = false; }
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    bool& alone_;
  };
  [[nodiscard]] NoSync no_sync() { return NoSync(*this); }

  /// Drops the gradients, before each backward; the optimizer's does it as well.
  void zero_grad() { drop_gradients(*module_); }

  const std::shared_ptr<Module>& module() const noexcept { return module_; }

 private:
  template <typename Output>
  static std::vector<torch::Tensor> tensors_of(const Output& output) {
    if constexpr (std::is_convertible_v<Output, torch::Tensor>) {
      return {output};
    } else if constexpr (std::is_convertible_v<Output, std::vector<torch::Tensor>>) {
      return output;
    } else {
      return {};
    }
  }

  std::shared_ptr<Module> module_;
  std::shared_ptr<ProcessGroup> group_;
  bool alone_ = false;
  std::unique_ptr<GradientReducer> reducer_;
};

/// Batch norm over the batches of all ranks together: what one process computes of the whole step,
/// where torch::nn::BatchNorm1d to 3d take each rank's own samples. Its weights have the names of
/// those. In training forward and backward are collectives: all ranks call them alike, as often.
class SyncBatchNorm : public torch::nn::Module {
 public:
  /// Makes one of [samples, features, ...]; affine, with running statistics. Without a group it is
  /// that of each forward's ProcessGroup::current(): what train_with() joins.
  explicit SyncBatchNorm(const torch::nn::BatchNormOptions& options,
                         std::shared_ptr<ProcessGroup> group = nullptr);

  /// Errors: those of the group; kInvalidArgument (another number of channels; in training a single
  /// value of each).
  torch::Tensor forward(const torch::Tensor& input);

 private:
  void track(const torch::Tensor& mean, const torch::Tensor& variance);

  const torch::nn::BatchNormOptions options_;
  const std::shared_ptr<ProcessGroup> group_;
  torch::Tensor weight_, bias_;
  torch::Tensor running_mean_, running_var_, num_batches_tracked_;
};

/// Module over several CUDA devices in one process, each with a slice of the batch, as Python's
/// nn.DataParallel.
template <typename Module>
class DataParallel {
 public:
  /// Runs a module over several devices: torch::nn::parallel::data_parallel or its like.
  using Scatter = torch::Tensor (*)(const std::shared_ptr<Module>&, torch::Tensor,
                                    const std::vector<torch::Device>&);

  /// Makes the plain module, for one device or none.
  explicit DataParallel(std::shared_ptr<Module> module) : module_(std::move(module)) {}

  /// Makes a module over `devices`. The first one holds the parameters and gets the outputs. With
  /// one device `scatter` is not used.
  DataParallel(std::shared_ptr<Module> module, std::vector<torch::Device> devices, Scatter scatter)
      : module_(std::move(module)), devices_(std::move(devices)), scatter_(scatter) {}

#if __has_include(<cuda_runtime_api.h>)
  /// Makes one by torch::nn::parallel::data_parallel. Needs the CUDA headers, libtorch_cuda at link
  /// time, and a Module that is torch::nn::Cloneable.
  DataParallel(std::shared_ptr<Module> module, std::vector<torch::Device> devices)
      : DataParallel(std::move(module), std::move(devices),
                     [](const std::shared_ptr<Module>& replicated, torch::Tensor input,
                        const std::vector<torch::Device>& over) {
                       return torch::nn::parallel::data_parallel(replicated, std::move(input),
                                                                 over);
                     }) {}
#endif

  torch::Tensor forward(torch::Tensor input) {
    if (devices_.size() > 1) return scatter_(module_, std::move(input), devices_);
    return module_->forward(std::move(input));
  }

  void zero_grad() { drop_gradients(*module_); }
  const std::shared_ptr<Module>& module() const noexcept { return module_; }

 private:
  std::shared_ptr<Module> module_;
  std::vector<torch::Device> devices_;
  Scatter scatter_ = nullptr;
};

}  // namespace ringfeed
