// The check of a row table against its index.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "store/cassandra/row_reader.hpp"

namespace ringfeed::cassandra {

/// Reads every block of a split, and looks for rows where the index has none. Returns the bytes of
/// its samples. Throws Error{kBadData} that names the block, or the row's key.
std::uint64_t verify_rows(const RowSource& source, std::string_view split,
                          const std::function<void(std::uint64_t bytes)>& progress);

}  // namespace ringfeed::cassandra
