// Parquet files, or folders of them, as a source.
#pragma once

#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// The .parquet files right in the folder, by name; what starts with '.' or '_' is left out. Throws
/// Error{kNotFound} when there is none, kInvalidArgument when something else is there, too.
std::vector<std::string> parquet_files_in(const std::string& folder);

std::unique_ptr<Source> open_parquet(const std::vector<std::string>& files,
                                     const SourceOptions& options);

}  // namespace ringfeed
