// CSV files as a source.
#pragma once

#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// Reads all files once to learn the types of the columns, unless the options say those of all.
std::unique_ptr<Source> open_csv(const std::vector<std::string>& paths,
                                 const SourceOptions& options);

}  // namespace ringfeed
