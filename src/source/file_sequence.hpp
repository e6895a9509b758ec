// Files of records one after the other as a source.
#pragma once

#include <functional>
#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

#include "source/record_file.hpp"

namespace ringfeed {

/// Throws Error{kBadData} when it is no file of its format, or a damaged one.
using OpenRecordFile = std::function<std::unique_ptr<RecordFile>(const std::string& path)>;

/// `format` is part of the fingerprint. Each file is opened twice: for its columns, which must be
/// those of the first, and to be read. Throws Error{kBadData} for a file with other columns.
std::unique_ptr<Source> make_file_sequence(std::string format,
                                           const std::vector<std::string>& paths,
                                           OpenRecordFile open, const SourceOptions& options);

}  // namespace ringfeed
