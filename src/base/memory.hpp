// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ringfeed {

struct Memory {
  std::uint64_t bytes_available = 0;  ///< that nobody has taken
  std::string bound_by;               ///< "the machine", "cgroup /docker/...", "ulimit -v"
};

/// The least of what the machine, its cgroups and the limits of the process leave. Nothing where
/// /proc/meminfo cannot be read. `root` is put before /proc and /sys.
std::optional<Memory> available_memory(const std::string& root = "");

}  // namespace ringfeed
