// Whether the losses of the steps are finite.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <ringfeed/batch.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// Looks at the loss of each step. On a GPU at those of many steps at once: to wait for each would
/// cost the overlap of its work with that of the CPU.
class LossCheck {
 public:
  LossCheck(bool is_on, torch::Device device)
      : steps_most_(is_on ? (device.is_cuda() ? 64 : 1) : 0) {}

  /// True: it is time to look.
  bool add(const Batch& batch, const torch::Tensor& loss);

  /// The first step since the last look whose loss is not finite, in words; nothing when there is
  /// none.
  std::optional<std::string> look();

 private:
  struct Step {
    std::int64_t epoch = 0;
    std::int64_t step = 0;
    std::uint64_t first = 0;
    std::int64_t samples = 0;
    torch::Tensor loss;
  };
  std::size_t steps_most_;  ///< 0: none is looked at
  std::vector<Step> steps_;
};

}  // namespace ringfeed
