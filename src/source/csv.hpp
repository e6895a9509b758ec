// CSV files as a source.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ringfeed/source.hpp>

namespace ringfeed {

/// Reads all files once when no tensors are asked for, to learn the types of the columns.
std::unique_ptr<Source> open_csv(const std::vector<std::string>& paths, const SourceOptions& options);

}  // namespace ringfeed
