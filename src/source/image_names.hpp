// Which pictures a folder has, in the order of torchvision's ImageFolder.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <ringfeed/source.hpp>
#include <string>
#include <vector>

#include "source/bad_records.hpp"
#include "source/projection.hpp"

namespace ringfeed {

/// The pictures, and what is known of them beside their bytes.
struct ImageNames {
  std::vector<std::string> files;  ///< below the folder
  std::vector<TypedColumn> columns;
  arrow::ArrayVector values;  ///< of the columns, for each file
};

/// By the folders of classes; a folder without folders has pictures alone.
ImageNames names_by_class(const std::string& folder);

/// By a CSV file; `bad` gets the rows whose file is not there.
ImageNames names_by_labels(const std::string& folder, const SourceOptions& options,
                           BadRecords& bad);

}  // namespace ringfeed
