// The cut of an epoch into steps, and the names of the shuffle modes.
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <ringfeed/order.hpp>

namespace ringfeed {

std::string_view name_of(Shuffle shuffle) noexcept {
  switch (shuffle) {
    case Shuffle::kBlock:
      return "block";
    case Shuffle::kFull:
      return "full";
    case Shuffle::kNone:
      return "none";
  }
  return "unknown";
}

Shuffle shuffle_from_name(std::string_view name) {
  for (const auto shuffle : {Shuffle::kBlock, Shuffle::kFull, Shuffle::kNone}) {
    if (name_of(shuffle) == name) return shuffle;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("unknown shuffle mode '{}'; it is one of block, full, none", name));
}

Steps::Steps(std::uint64_t samples, const OrderOptions& options)
    : samples_(samples), batch_(options.global_batch) {
  if (batch_ == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "batch size 0; it is the number of samples per step over all "
                "ranks and must be at least 1");
  }
  if (options.lanes < 1 || options.lanes > kLanesMax) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("lanes {}; must be 1 to {}", options.lanes, kLanesMax));
  }
  if (options.window < 1 || options.window > kWindowMax) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("window {}; must be 1 to {} blocks", options.window, kWindowMax));
  }
  lanes_ = static_cast<std::uint32_t>(std::min({std::uint64_t{options.lanes}, batch_, samples_}));
  const std::uint64_t whole = samples_ / batch_;
  const std::uint64_t tail = samples_ % batch_;
  // A tail below the lanes joins the step before it, which there is: lanes_ <= samples_.
  count_ = whole + (tail == 0 || tail < lanes_ ? 0 : 1);
}

std::optional<std::uint32_t> Steps::better_lanes(int world_size) const {
  const auto ranks = static_cast<std::uint64_t>(std::max(1, world_size));
  const std::uint64_t lanes = lanes_;
  if (lanes < ranks) return std::nullopt;  // too few for these ranks at all
  const std::uint64_t busiest = (lanes + ranks - 1) / ranks;
  if (10 * busiest * ranks <= 11 * lanes) return std::nullopt;
  const std::uint64_t fewer = lanes - lanes % ranks;
  const std::uint64_t more = fewer + ranks;
  const bool possible = more <= std::min({batch_, samples_, std::uint64_t{kLanesMax}});
  return static_cast<std::uint32_t>(possible && more - lanes < lanes - fewer ? more : fewer);
}

std::uint64_t Steps::begin(std::uint64_t step) const noexcept {
  return step < count_ ? step * batch_ : samples_;
}

std::uint64_t Steps::step_at(std::uint64_t position) const {
  const std::uint64_t step = position == samples_ ? count_ : position / batch_;
  if (position > samples_ || begin(step) != position) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("position {} is not the start of a step: steps have {} samples, the "
                            "epoch has {}; resume "
                            "with the batch size of the run that was stopped",
                            position, batch_, samples_));
  }
  return step;
}

}  // namespace ringfeed
