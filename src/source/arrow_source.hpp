// Record batches of a reader of Arrow as a source.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <ringfeed/source.hpp>
#include <string>

namespace ringfeed {

/// What is wrong with rows that are known to be bad, by their number in the source.
using BadRows = std::map<std::int64_t, std::string>;

/// `name` stands for the path in errors.
std::unique_ptr<Source> make_arrow_source(std::shared_ptr<arrow::RecordBatchReader> reader,
                                          Extent extent, std::string name,
                                          const SourceOptions& options,
                                          std::shared_ptr<const BadRows> bad_rows = nullptr);

}  // namespace ringfeed
