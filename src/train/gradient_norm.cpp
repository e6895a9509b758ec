// torch::nn::utils::clip_grad_norm_ waits for the device, and its norm is another function.
#include "train/gradient_norm.hpp"

#include <torch/utils.h>

namespace ringfeed {

void clip_gradients(const std::vector<torch::Tensor>& parameters, double most) {
  const torch::NoGradGuard no_gradients;
  std::vector<torch::Tensor> gradients;
  for (const auto& parameter : parameters) {
    if (parameter.grad().defined()) gradients.push_back(parameter.grad());
  }
  if (gradients.empty()) return;
  const auto norm = at::linalg_vector_norm(torch::stack(at::_foreach_norm(gradients, 2)), 2);
  const auto scale = torch::clamp(most / (norm + 1e-6), std::nullopt, 1.0);
  at::_foreach_mul_(gradients, scale);
}

}  // namespace ringfeed
