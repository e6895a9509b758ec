// What can be known of CUDA without a device: the library loads with all it needs, and a missing
// device is refused. Training on devices is checked by `make test-cuda`.
#include "train/cuda.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ringfeed/error.hpp>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "train/torch_error.hpp"

namespace ringfeed {
namespace {

/// Without devices on every machine.
class Cuda : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("CUDA_VISIBLE_DEVICES", "", 1); }
};

TEST_F(Cuda, NoDeviceIsSeen) { EXPECT_EQ(cuda_device_count(), 0); }

TEST_F(Cuda, AutoTakesTheCpuWithoutADevice) {
  EXPECT_EQ(choose_device(DeviceKind::kAuto, 0, 1), torch::Device(torch::kCPU));
  EXPECT_EQ(choose_device(DeviceKind::kCpu, 3, 4), torch::Device(torch::kCPU));
}

TEST_F(Cuda, CudaWithoutADeviceIsRefused) {
  try {
    choose_device(DeviceKind::kCuda, 0, 1);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("shows no device"), std::string::npos) << error.what();
  }
}

/// Every symbol is found (RTLD_NOW), and ProcessGroupNCCL runs until it looks for a device.
TEST_F(Cuda, ThePartLoadsAndReachesNccl) {
  const CudaPart& part = load_cuda_part();
  ASSERT_NE(part.make_nccl, nullptr);
  ASSERT_NE(part.data_parallel, nullptr);
  try {
    part.make_nccl(c10::make_intrusive<c10d::HashStore>(), 0, 1, std::chrono::seconds(1));
    FAIL() << "NCCL without a device";
  } catch (const std::exception& error) {
    EXPECT_NE(first_line(error).find("no GPUs found"), std::string::npos) << first_line(error);
  }
}

}  // namespace
}  // namespace ringfeed
