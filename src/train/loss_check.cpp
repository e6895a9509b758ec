// The first loss that is no number, told with its place in the order.
#include "train/loss_check.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "train/sums.hpp"

namespace ringfeed {

bool LossCheck::add(const Batch& batch, const torch::Tensor& loss) {
  if (steps_most_ == 0) return false;
  steps_.push_back({batch.epoch, batch.step, batch.first, batch.global_size, loss});
  return steps_.size() >= steps_most_;
}

std::optional<std::string> LossCheck::look() {
  const auto steps = std::exchange(steps_, {});
  for (const auto& step : steps) {
    const double loss = without_sign_of_nan(step.loss.item<double>());
    if (std::isfinite(loss)) continue;
    return fmt::format("the loss of epoch {}, step {} (samples {} to {} of the epoch) is {}",
                       step.epoch + 1, step.step + 1, step.first,
                       step.first + static_cast<std::uint64_t>(step.samples) - 1, loss);
  }
  return std::nullopt;
}

}  // namespace ringfeed
