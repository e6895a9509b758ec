// Gradients sent in 16 bits.
#pragma once

#include <ringfeed/torch.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

namespace ringfeed {

/// Divides a bucket by the number of ranks, sums it over them in `dtype` (kFloat16 or kBFloat16)
/// and puts it back: what fp16_compress_hook and bf16_compress_hook of Python do.
class CompressionHook final
    : public c10d::CppCommHookInterface<c10::intrusive_ptr<c10d::ProcessGroup>> {
 public:
  CompressionHook(const c10::intrusive_ptr<c10d::ProcessGroup>& group, torch::ScalarType dtype)
      : CppCommHookInterface(group), dtype_(dtype) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override;

 private:
  const torch::ScalarType dtype_;
};

}  // namespace ringfeed
