// The bytes of one value of a sample, whatever the memory of its chunk looks like: what is hashed
// of it.
#pragma once

#include <cstddef>
#include <ringfeed/schema.hpp>
#include <string>

#include "dataset/chunk.hpp"

namespace ringfeed {

/// Appends the value of sample `row` as a batch has it: little-endian elements, bools as a byte
/// each.
void append_value(const ColumnSpec& column, const ColumnView& view, std::size_t row,
                  std::string& bytes);

}  // namespace ringfeed
