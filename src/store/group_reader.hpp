// Reads the column groups of a version side by side, as the blocks of the columns that were asked
// for. The same for every packed store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ringfeed/manifest.hpp>
#include <ringfeed/store.hpp>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Makes the reader of a column group: its blocks are the group's chunks.
using OpenGroup = std::function<std::unique_ptr<BlockReader>(std::uint32_t group)>;

/// Makes a reader of these columns (empty: all) of the groups that have one of them. Throws
/// Error{kNotFound} that starts with `where` when there is no such split.
std::unique_ptr<BlockReader> read_groups(std::string_view where, const Manifest& manifest,
                                         std::string_view split, const ColumnPlaces& columns,
                                         const OpenGroup& open);

}  // namespace ringfeed
