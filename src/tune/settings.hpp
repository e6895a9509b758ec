// The options of a run that change its speed; what the last four change beside it is said there.
#pragma once

#include <cstdint>

namespace ringfeed::tune {

struct Settings {
  int ranks = 1;
  int threads = 1;  ///< that compute, of a rank
  int read_threads = 1;
  int assemble_threads = 1;
  std::uint64_t prefetch_bytes = 0;   ///< of a rank
  std::uint32_t connections = 0;      ///< to a node, of a rank; 0: the store has none
  std::uint64_t in_flight_bytes = 0;  ///< asked of a node, of a rank; 0: no such bound
  bool data_parallel = false;         ///< one process with all its devices
  std::uint32_t lanes = 64;           ///< others make another order
  std::uint32_t window = 2;           ///< others make another order
  std::uint64_t global_batch = 64;    ///< another one is another training
  bool operator==(const Settings&) const = default;
};

}  // namespace ringfeed::tune
