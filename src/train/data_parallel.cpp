// The adapter to c10d::Reducer: buckets of gradients, all-reduced while backward still computes the
// next ones. The order of calls is that of Python's torch/nn/parallel/distributed.py.
#include <ATen/core/LegacyTypeDispatch.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/engine.h>

#include <algorithm>
#include <limits>
#include <ringfeed/error.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <utility>

#include "train/compression.hpp"
#include "train/model.hpp"
#include "train/process_group.hpp"
#include "train/torch_adapter.hpp"
#include "train/torch_error.hpp"

namespace ringfeed {
namespace {

/// What is sent at once when parameters and buffers are given to all ranks.
constexpr std::size_t kBroadcastBytes = std::size_t{250} << 20;

std::vector<at::Tensor> needing_gradient(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> kept;
  for (const auto& tensor : tensors) {
    if (tensor.requires_grad()) kept.push_back(tensor);
  }
  return kept;
}

std::vector<at::Tensor> detached(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> result;
  for (const auto& tensor : tensors) result.push_back(tensor.detach());
  return result;
}

}  // namespace

struct GradientReducer::Impl {
  std::shared_ptr<torch::nn::Module> module;
  std::shared_ptr<ProcessGroup> group;
  ParallelOptions options;
  std::vector<at::Tensor> buffers;
  std::unique_ptr<c10d::Reducer> reducer;
  bool buffers_due = true;
  bool first_of_static_graph = false;

  const c10::intrusive_ptr<c10d::ProcessGroup>& c10d_group() const { return group->impl().group; }

  void verify(const std::vector<at::Tensor>& parameters) const {
    try {
      c10d::verify_params_across_processes(c10d_group(), parameters, std::nullopt);
    } catch (const std::exception& error) {
      const std::string text = first_line(error);
      if (text.find("params") == std::string::npos) {
        throw group->impl().failure("comparing parameters", error);
      }
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("the model differs between the ranks; build the same one on each: {}", text));
    }
  }

  void give_rank_0s(const std::vector<at::Tensor>& tensors) const {
    if (tensors.empty()) return;
    try {
      c10d::broadcast_coalesced(c10d_group(), detached(tensors), kBroadcastBytes, 0);
    } catch (const std::exception& error) {
      throw group->impl().failure("giving parameters and buffers to all", error);
    }
  }

  /// Before the first forward, and before those behind a forward that reduced.
  void give_buffers(bool reduces) {
    if (std::exchange(buffers_due, reduces) && options.broadcast_buffers) give_rank_0s(buffers);
  }

  /// The gradients lie in the buckets, and are no views to autograd: an optimizer's zero_grad(),
  /// which detaches them, would be refused by torch.
  void build(const std::vector<at::Tensor>& parameters) {
    // One bucket per dtype at first: the order in which gradients come is not known yet. After the
    // first backward the reducer makes its buckets anew in that order, a small one first so that
    // sending starts early.
    const std::vector<bool> sparse(parameters.size(), false);
    auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
        parameters, {std::numeric_limits<std::size_t>::max()}, sparse);
    std::reverse(buckets.begin(), buckets.end());
    const at::AutoDispatchBelowADInplaceOrView no_views;
    reducer = make_reducer(parameters, std::move(buckets), c10d_group(),
                           options.find_unused_parameters, options.gradient_as_bucket_view);
    if (options.compression != GradientCompression::kNone) {
      const auto dtype =
          options.compression == GradientCompression::kFloat16 ? torch::kFloat16 : torch::kBFloat16;
      reducer->register_comm_hook(std::make_unique<CompressionHook>(c10d_group(), dtype));
    }
    if (options.static_graph) {
      reducer->set_static_graph();
      first_of_static_graph = true;
    }
  }

  /// In the first step it is not known how often each gradient comes: they are reduced at the end.
  void delay_first(const std::vector<at::Tensor>& outputs) {
    if (!std::exchange(first_of_static_graph, false)) return;
    for (const auto& output : outputs) {
      if (!output.requires_grad()) continue;
      output.register_hook([this](const at::Tensor&) {
        torch::autograd::Engine::get_default_engine().queue_callback(
            [this] { reducer->delay_all_reduce(); });
      });
      return;
    }
    throw Error(ErrorCode::kInvalidArgument,
                "a static graph needs a forward that gives a tensor, or several in a std::vector");
  }
};

GradientReducer::GradientReducer(std::shared_ptr<torch::nn::Module> module,
                                 std::shared_ptr<ProcessGroup> group,
                                 const ParallelOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  impl_->module = std::move(module);
  impl_->group = std::move(group);
  const auto parameters = needing_gradient(distinct(impl_->module->parameters()));
  if (parameters.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the model has no parameter that needs a gradient: nothing to train");
  }
  if (impl_->c10d_group() == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "a group of one rank has no gradients to reduce");
  }
  impl_->verify(parameters);
  impl_->buffers = distinct(impl_->module->buffers());
  auto state = distinct(impl_->module->parameters());
  state.insert(state.end(), impl_->buffers.begin(), impl_->buffers.end());
  impl_->give_rank_0s(state);
  impl_->build(parameters);
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::before_forward() {
  try {
    impl_->reducer->prepare_for_forward();
    const at::AutoDispatchBelowADInplaceOrView no_views;
    impl_->reducer->rebuild_buckets();
  } catch (const std::exception& error) {
    throw impl_->group->impl().failure("making buckets of gradients", error);
  }
  impl_->give_buffers(/*reduces=*/true);
}

void GradientReducer::before_forward_alone() { impl_->give_buffers(/*reduces=*/false); }

void GradientReducer::give_buffers() {
  if (impl_->options.broadcast_buffers) impl_->give_rank_0s(impl_->buffers);
}

void GradientReducer::before_backward(const std::vector<torch::Tensor>& outputs) {
  const bool looks = impl_->options.find_unused_parameters && !impl_->options.static_graph;
  impl_->delay_first(outputs);
  impl_->reducer->prepare_for_backward(looks ? outputs : std::vector<torch::Tensor>());
}

void drop_gradients(torch::nn::Module& module) {
  for (auto& parameter : module.parameters()) parameter.mutable_grad() = at::Tensor();
}

}  // namespace ringfeed
