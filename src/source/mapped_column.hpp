// A column over a mapped file: without a copy where the bytes are those of an Arrow array, else
// decoded as it is read.
#pragma once

#include <memory>
#include <string>

#include "base/file.hpp"
#include "source/column_file.hpp"
#include "source/raw_values.hpp"

namespace ringfeed {

struct MappedLayout {
  RawFormat format;
  std::int64_t samples = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t sample_bytes = 0;  ///< in the file; samples * sample_bytes end within it
};

std::unique_ptr<ColumnFile> make_mapped_column(std::shared_ptr<const MappedFile> file,
                                               ColumnSpec spec, const MappedLayout& layout);

/// The column that elements in a foreign format become: an array in the column's type.
std::shared_ptr<arrow::Array> decode_column(const RawFormat& format, const ColumnSpec& spec,
                                            std::int64_t samples, const std::byte* from);

}  // namespace ringfeed
