// The bucket's own memory gets the result: gradients are views of it.
#include "train/compression.hpp"

namespace ringfeed {

c10::intrusive_ptr<c10::ivalue::Future> CompressionHook::runHook(c10d::GradBucket& bucket) {
  std::vector<at::Tensor> compressed = {bucket.getBufferRef().to(dtype_).div_(state_->getSize())};
  const auto sent = state_->allreduce(compressed)->getFuture();
  return sent->then(
      [buffer = bucket.getBuffer()](c10::ivalue::Future& done) {
        buffer.copy_(c10d::detail::parseCppCommHookResult(done.value()));
        return c10::IValue(buffer);
      },
      c10::TensorType::get());
}

}  // namespace ringfeed
