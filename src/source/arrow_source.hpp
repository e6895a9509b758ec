// Record batches of a reader of Arrow as a source.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <ringfeed/source.hpp>
#include <string>

namespace ringfeed {

/// `name` stands for the path in errors.
std::unique_ptr<Source> make_arrow_source(std::shared_ptr<arrow::RecordBatchReader> reader,
                                          Extent extent, std::string name,
                                          const SourceOptions& options);

}  // namespace ringfeed
