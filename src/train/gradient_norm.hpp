// Clipping of gradients by their norm.
#pragma once

#include <torch/types.h>

#include <vector>

namespace ringfeed {

/// Scales the gradients of all parameters together to a norm of at most `most`, as
/// torch.nn.utils.clip_grad_norm_ of Python does, to the last bit. Behind the all-reduce the
/// gradients are those of the whole step, and this is its norm.
void clip_gradients(const std::vector<torch::Tensor>& parameters, double most);

}  // namespace ringfeed
