// Which rank this process is, as torchrun's variables (or those of launch_ranks) say. Without
// torch.
#pragma once

#include <cstdint>
#include <string>

#include "base/option.hpp"

namespace ringfeed {

/// Most ranks of one run; a typing error must not start a million processes.
inline constexpr int kRanksMax = most_of<int>("nproc");

/// What launch_ranks() hands to the ranks it starts, beside torchrun's variables: descriptors of an
/// inherited pipe for the rank's error, and (rank 0) of the listening socket on which it is to
/// serve the store.
inline constexpr const char* kReportVariable = "RINGFEED_REPORT_FD";
inline constexpr const char* kStoreVariable = "RINGFEED_STORE_FD";

struct World {
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;   ///< ranks on this host
  std::string address;  ///< of the store; empty when size is 1
  std::uint16_t port = 0;
  bool agent_serves = false;  ///< torchrun's agent serves the store; else rank 0 does
  int restart =
      0;  ///< torchrun's count: the ranks of each attempt meet under a prefix of their own
  int store_descriptor = -1;  ///< a socket that listens already; -1: bind one

  /// A world of one rank when RANK and WORLD_SIZE are not set. Throws Error{kInvalidArgument} that
  /// names the variable.
  static World from_environment();
};

}  // namespace ringfeed
