// A column over a mapped file: without a copy where the bytes are those of an Arrow array, else
// decoded as it is read.
#pragma once

#include <memory>
#include <string>

#include "base/file.hpp"
#include "source/column_file.hpp"
#include "source/raw_values.hpp"

namespace ringfeed {

/// The samples of `array` end within the file.
std::unique_ptr<ColumnFile> make_mapped_column(std::shared_ptr<const MappedFile> file,
                                               ColumnSpec spec, const RawArray& array);

/// The column that elements in a foreign format become: an array in the column's type.
std::shared_ptr<arrow::Array> decode_column(const RawFormat& format, const ColumnSpec& spec,
                                            std::int64_t samples, const std::byte* from);

}  // namespace ringfeed
