// Facts of this host.
#pragma once

#include <optional>
#include <string>

#include "doctor/facts.hpp"

namespace ringfeed::doctor {

/// Makes a file without a name there, which is gone at once.
FolderFacts look_at_folder(const std::string& path);

HostFacts look_at_host(const std::optional<std::string>& cache_dir,
                       const std::optional<std::string>& index_dir);

}  // namespace ringfeed::doctor
