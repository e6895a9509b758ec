// The cut of an epoch into steps, and the names of the modes.
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <ringfeed/order.hpp>

#include "base/option.hpp"

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

std::string_view name_of(Tail tail) noexcept {
  switch (tail) {
    case Tail::kShare:
      return "share";
    case Tail::kDrop:
      return "drop";
    case Tail::kJoin:
      return "join";
  }
  return "unknown";
}

Tail tail_from_name(std::string_view name) {
  for (const auto tail : {Tail::kShare, Tail::kDrop, Tail::kJoin}) {
    if (name_of(tail) == name) return tail;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("unknown tail '{}'; it is one of share, drop, join", name));
}

Steps::Steps(std::uint64_t samples, const OrderOptions& options)
    : samples_(samples), batch_(options.global_batch) {
  check_bounds("batch-size", batch_);
  check_bounds("lanes", options.lanes);
  check_bounds("window", options.window);
  lanes_ = static_cast<std::uint32_t>(std::min({std::uint64_t{options.lanes}, batch_, samples_}));
  const std::uint64_t whole = samples_ / batch_;
  const std::uint64_t tail = samples_ % batch_;
  count_ = whole;
  end_ = samples_;
  if (options.tail == Tail::kDrop) {
    if (whole == 0 && samples_ > 0) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("batch size {}, and {} samples: no step is full, and all would be left out; "
                      "use a smaller batch size, or keep what fills no step",
                      batch_, samples_));
    }
    end_ = whole * batch_;
  } else if (tail > 0 && (tail >= lanes_ || options.tail == Tail::kShare)) {
    ++count_;
  }
  last_begin_ = count_ == 0 ? 0 : (count_ - 1) * batch_;
  slices_begin_ = end_;
  // A tail below the lanes has a full step before it: lanes_ <= samples_.
  if (options.tail == Tail::kShare && tail > 0 && tail < lanes_) {
    const std::uint64_t less = (batch_ + tail) / 2;
    last_begin_ = samples_ - less;
    if (less < lanes_) slices_begin_ = samples_ - batch_ - tail;
  }
}

std::optional<std::uint32_t> Steps::better_lanes(int world_size) const {
  const auto ranks = static_cast<std::uint64_t>(std::max(1, world_size));
  const std::uint64_t lanes = lanes_;
  if (lanes < ranks) return std::nullopt;  // too few for these ranks at all
  const std::uint64_t busiest = (lanes + ranks - 1) / ranks;
  if (10 * busiest * ranks <= 11 * lanes) return std::nullopt;
  const std::uint64_t fewer = lanes - lanes % ranks;
  const std::uint64_t more = fewer + ranks;
  const bool possible = more <= std::min({batch_, samples_, most_of<std::uint64_t>("lanes")});
  return static_cast<std::uint32_t>(possible && more - lanes < lanes - fewer ? more : fewer);
}

std::uint64_t Steps::begin(std::uint64_t step) const noexcept {
  if (step >= count_) return end_;
  return step + 1 == count_ ? last_begin_ : step * batch_;
}

std::uint64_t Steps::size_max() const noexcept {
  return count_ == 0 ? 0 : std::max(size(0), size(count_ - 1));
}

std::uint64_t Steps::size_min() const noexcept {
  return count_ == 0 ? 0 : std::min(size(0), size(count_ - 1));
}

std::uint64_t Steps::step_at(std::uint64_t position) const {
  if (position == end_) return count_;
  const std::uint64_t step = position == last_begin_ ? count_ - 1 : position / batch_;
  if (position > end_ || begin(step) != position) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("position {} is not the start of a step: steps have {} samples, the "
                            "epoch has {}; resume "
                            "with the batch size of the run that was stopped",
                            position, batch_, end_));
  }
  return step;
}

}  // namespace ringfeed
