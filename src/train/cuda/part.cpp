// libringfeed_cuda.so: the adapter to ProcessGroupNCCL, and DataParallel over several devices.
// Loaded by src/train/cuda.cpp; calls nothing of ringfeed itself.
#define USE_C10D_NCCL

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "train/cuda.hpp"

namespace ringfeed {
namespace {

c10::intrusive_ptr<c10d::Backend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                            int size, std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, std::move(options));
}

torch::Tensor data_parallel(const std::shared_ptr<torch::nn::SequentialImpl>& module,
                            torch::Tensor input, const std::vector<torch::Device>& devices) {
  return DataParallel<torch::nn::SequentialImpl>(module, devices).forward(std::move(input));
}

constexpr CudaPart kPart = {make_nccl, data_parallel};

}  // namespace
}  // namespace ringfeed

extern "C" __attribute__((visibility("default"))) const ringfeed::CudaPart* ringfeed_cuda_part() {
  return &ringfeed::kPart;
}
