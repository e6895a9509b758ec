// npy and IDX files side by side: one column each, with the same number of samples.
#pragma once

#include <memory>
#include <ringfeed/source.hpp>
#include <vector>

#include "source/column_file.hpp"

namespace ringfeed {

/// Throws Error: kBadData when the numbers of samples differ, kInvalidArgument when two columns
/// have one name.
std::unique_ptr<Source> make_column_source(std::vector<std::unique_ptr<ColumnFile>> files,
                                           const SourceOptions& options);

}  // namespace ringfeed
