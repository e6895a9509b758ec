// Facts of this host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "doctor/facts.hpp"

namespace ringfeed::doctor {

/// Makes a file without a name there, which is gone at once.
FolderFacts look_at_folder(const std::string& path);

/// Memory that is not taken, and what bounds it. `root` is put before /proc and /sys.
struct Memory {
  std::uint64_t bytes_available = 0;
  std::string bound_by;
};
std::optional<Memory> look_at_memory(const std::string& root = "");

HostFacts look_at_host(const std::optional<std::string>& cache_dir,
                       const std::optional<std::string>& index_dir);

}  // namespace ringfeed::doctor
