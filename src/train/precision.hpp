// What forward is computed in, and how images lie.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/nn/module.h>
#include <torch/utils.h>

namespace ringfeed {

/// Whether what a model gives may be of another dtype than its parameters.
inline bool is_autocast_on() {
  return at::autocast::is_autocast_enabled(at::kCPU) ||
         at::autocast::is_autocast_enabled(at::kCUDA);
}

/// Has torch's autocast to bfloat16 on while it lives, if `on`.
class Autocast {
 public:
  Autocast(bool on, at::DeviceType device) : on_(on), device_(device) {
    if (!on_) return;
    at::autocast::set_autocast_dtype(device_, at::kBFloat16);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::increment_nesting();
  }
  ~Autocast() {
    if (!on_) return;
    if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(device_, false);
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  const bool on_;
  const at::DeviceType device_;
};

/// Lays filters and buffers of four dimensions out with their channels last.
inline void make_channels_last(torch::nn::Module& model) {
  const torch::NoGradGuard no_gradients;
  auto tensors = model.parameters();
  for (const auto& buffer : model.buffers()) tensors.push_back(buffer);
  for (auto& tensor : tensors) {
    if (tensor.dim() == 4) tensor.set_data(tensor.contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

}  // namespace ringfeed
