// Inside of ProcessGroup, for the other file that talks to c10d (data_parallel.cpp).
#pragma once

#include <exception>
#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>
#include <string_view>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "run/world.hpp"

namespace ringfeed {

struct ProcessGroup::Impl {
  World world;
  /// Null for a group of one rank.
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;

  /// collective_error(), which after a timeout names the ranks that did not come.
  Error failure(std::string_view what, const std::exception& error) const;
};

}  // namespace ringfeed
