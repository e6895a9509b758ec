// JSON Lines as a source: a JSON object in each line.
#pragma once

#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

namespace ringfeed {

/// Reads all files once before, to learn the columns and their types.
std::unique_ptr<Source> open_json_lines(const std::vector<std::string>& paths,
                                        const SourceOptions& options);

}  // namespace ringfeed
