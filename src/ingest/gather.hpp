// Copies samples from wherever they are in a segment into the columns of one chunk.
#pragma once

#include <memory>
#include <ringfeed/schema.hpp>
#include <span>

#include "ingest/segment.hpp"

namespace ringfeed {

/// The samples at `places`, in that order. All columns together must stay under 2^31 bytes.
std::shared_ptr<arrow::RecordBatch> gather_chunk(const Segment& segment, const Schema& schema,
                                                 const std::shared_ptr<arrow::Schema>& arrow_schema,
                                                 std::span<const SamplePlace> places);

}  // namespace ringfeed
