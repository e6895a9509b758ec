// Inside of ProcessGroup, for the other file that talks to c10d (data_parallel.cpp).
#pragma once

#include <ringfeed/torch.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "train/world.hpp"

namespace ringfeed {

struct ProcessGroup::Impl {
  World world;
  /// Null for a group of one rank.
  c10::intrusive_ptr<c10d::ProcessGroup> group;
};

}  // namespace ringfeed
