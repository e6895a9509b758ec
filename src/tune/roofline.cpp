// Sums by lane, and their maximum.
#include "tune/roofline.hpp"

#include <algorithm>
#include <functional>
#include <ringfeed/error.hpp>

namespace ringfeed::tune {

Prediction predict(std::span<const Stage> stages, int cores) {
  double slowest = 0;
  double cpu = 0;
  const std::string* lane = nullptr;
  for (const auto& stage : stages) {
    double seconds = 0;
    for (const auto& other : stages) seconds += other.lane == stage.lane ? other.seconds : 0;
    cpu += stage.cpu_seconds;
    if (seconds <= slowest) continue;
    slowest = seconds;
    lane = &stage.lane;
  }
  const double of_cores = cpu / std::max(cores, 1);
  if (slowest <= 0 && of_cores <= 0)
    throw Error(ErrorCode::kInternal, "a prediction needs a stage that takes time");
  Prediction prediction;
  prediction.by_cores = of_cores > slowest;
  prediction.samples_per_second = 1 / std::max(slowest, of_cores);
  double most = -1;
  for (const auto& stage : stages) {
    const double part = prediction.by_cores ? stage.cpu_seconds : stage.seconds;
    if ((!prediction.by_cores && stage.lane != *lane) || part <= most) continue;
    most = part;
    prediction.limit = stage.name;
  }
  return prediction;
}

}  // namespace ringfeed::tune
