// The smallest and largest values that a manifest keeps for each part: from them the number of
// classes of a label column is known without reading a sample.
#pragma once

#include <memory>
#include <ringfeed/manifest.hpp>
#include <ringfeed/schema.hpp>
#include <string_view>
#include <vector>

namespace arrow {
class RecordBatch;
}

namespace ringfeed {

/// Whether ranges are kept for this column: integer tensors of one element per sample.
bool has_range(const ColumnSpec& column) noexcept;

/// Of every column that has one. The batch has the schema's columns and at least one row.
std::vector<ColumnRange> ranges_of(const arrow::RecordBatch& batch, const Schema& schema);

/// Those of columns of this group.
std::vector<ColumnRange> ranges_in(const std::vector<ColumnRange>& ranges,
                                   const ColumnPlaces& group);

/// Of a batch of the columns of one group of a schema, with their places in the schema.
std::vector<ColumnRange> ranges_of_group(const arrow::RecordBatch& batch, const Schema& schema,
                                         const ColumnPlaces& group);

/// `ranges` then covers what `more`, of the same columns, does. An empty one covers nothing.
void widen(std::vector<ColumnRange>& ranges, const std::vector<ColumnRange>& more);

/// Throws Error{kBadData} that starts with `where` unless those that the manifest has of a part, if
/// any, are `found` in its chunks.
void check_ranges(const Part& part, const std::vector<ColumnRange>& found, std::string_view where);

}  // namespace ringfeed
