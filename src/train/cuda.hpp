// CUDA, as far as this program knows it. What needs libtorch_cuda and NCCL is a library of its own,
// libringfeed_cuda.so (src/train/cuda/), loaded when a run uses a CUDA device: loading takes
// seconds and gigabytes that training on a CPU does not need.
#pragma once

#include <torch/nn/modules/container/sequential.h>

#include <chrono>
#include <memory>
#include <ringfeed/torch.hpp>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

#include "train/plan.hpp"

namespace ringfeed {

/// What the library offers; see its symbol kCudaPartSymbol.
struct CudaPart {
  /// The ranks that meet at `store`, each on its own device; communicators are made on first use.
  c10::intrusive_ptr<c10d::Backend> (*make_nccl)(const c10::intrusive_ptr<c10d::Store>& store,
                                                 int rank, int size,
                                                 std::chrono::milliseconds timeout);
  /// torch::nn::parallel::data_parallel.
  DataParallel<torch::nn::SequentialImpl>::Scatter data_parallel;
};

/// `extern "C" const CudaPart*` of this name is what the library exports.
inline constexpr const char* kCudaPartSymbol = "ringfeed_cuda_part";

/// CUDA devices that the driver shows (CUDA_VISIBLE_DEVICES counts); 0 without a driver. Loads the
/// driver only.
int cuda_device_count() noexcept;

/// Loads the library, once. Errors: kInvalidArgument (not there, or a library that it needs is
/// missing), with the remedy.
const CudaPart& load_cuda_part();

/// The device of a rank: cuda:`local_rank`, or the CPU. Each rank of a host has a CUDA device of
/// its own. "auto" takes the CPU where that, or the library, is missing. Errors with "cuda":
/// kInvalidArgument (fewer devices than ranks), those of load_cuda_part().
torch::Device choose_device(DeviceKind kind, int local_rank, int local_size);

}  // namespace ringfeed
