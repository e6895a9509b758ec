// A mapped column as JSON: in the index, and in the comment of a table that an ingest made.
#pragma once

#include <nlohmann/json.hpp>

#include "store/rows/column.hpp"

namespace ringfeed::rows {

nlohmann::ordered_json json_of(const RowColumn& column);

/// Throws Error{kBadData} without a place, or the errors of nlohmann::json, when it is no column
/// that fits.
RowColumn column_of_json(const nlohmann::ordered_json& json);

}  // namespace ringfeed::rows
