// Which of the values of the stratified column each sample has.
#pragma once

#include <cstdint>
#include <ringfeed/schema.hpp>
#include <string>
#include <vector>

#include "ingest/segment.hpp"

namespace ringfeed {

/// Throws Error{kInvalidArgument} unless it is a column of scalar whole numbers or booleans, or of
/// text.
void check_stratify(const Schema& schema, const std::string& column);

struct Strata {
  std::vector<std::uint32_t> of_sample;  ///< values are numbered in the order of their first sample
  std::vector<std::uint64_t> occurrences;  ///< by value
};

/// Throws Error{kBadData} when there are more than 2^20 values.
Strata find_strata(const Segment& segment, const Schema& schema, const std::string& column);

}  // namespace ringfeed
