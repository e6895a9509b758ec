// CSV files as a source.
#pragma once

#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// Reads all files once when no tensors are asked for, to learn the types of the columns.
std::unique_ptr<Source> open_csv(const std::vector<std::string>& paths,
                                 const SourceOptions& options);

}  // namespace ringfeed
