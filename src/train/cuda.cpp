// The driver and the CUDA part, by dlopen.
#include "train/cuda.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ringfeed/error.hpp>

namespace ringfeed {
namespace {

constexpr const char* kLibrary = "libringfeed_cuda.so";

constexpr const char* kRemedy =
    "build with 'make cuda' (CMake: RINGFEED_CUDA=ON), or use device cpu";

const CudaPart& open_part() {
  // cuBLAS gives the same bits in each run only with a workspace of its own.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*replace=*/0);
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("training on CUDA devices needs {}, which cannot be loaded: {}; {}",
                            kLibrary, dlerror(), kRemedy));
  }
  const auto part = reinterpret_cast<const CudaPart* (*)()>(dlsym(library, kCudaPartSymbol));
  if (part == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is not of this version of ringfeed; {}", kLibrary, kRemedy));
  }
  return *part();  // stays loaded: torch's CUDA code cannot be unloaded
}

torch::Device cuda_device(int local_rank, int local_size) {
  const int devices = cuda_device_count();
  if (devices == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "the CUDA driver shows no device on this machine; use device cpu or auto");
  }
  if (devices < local_size) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} ranks on this host, but only {} CUDA device{}; each rank needs one "
                            "of its own: start {} rank{}, or use device cpu",
                            local_size, devices, devices == 1 ? "" : "s", devices,
                            devices == 1 ? "" : "s"));
  }
  load_cuda_part();
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(local_rank)};
}

}  // namespace

int cuda_device_count() noexcept {
  static const int count = [] {
    void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (driver == nullptr) return 0;
    const auto initialize = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
    const auto get_count = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
    int devices = 0;
    if (initialize == nullptr || get_count == nullptr || initialize(0) != 0 ||
        get_count(&devices) != 0) {
      return 0;
    }
    return devices;
  }();
  return count;
}

const CudaPart& load_cuda_part() {
  static const CudaPart& part = open_part();
  return part;
}

torch::Device choose_device(DeviceKind kind, int local_rank, int local_size) {
  switch (kind) {
    case DeviceKind::kCpu:
      return torch::kCPU;
    case DeviceKind::kCuda:
      return cuda_device(local_rank, local_size);
    case DeviceKind::kAuto:
      try {
        return cuda_device(local_rank, local_size);
      } catch (const Error&) {
        return torch::kCPU;
      }
  }
  throw Error(ErrorCode::kInternal, "a kind of device that is none");
}

}  // namespace ringfeed
