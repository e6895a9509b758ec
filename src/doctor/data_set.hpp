// Facts of a data set, as its store tells them.
#pragma once

#include <ringfeed/connection.hpp>
#include <ringfeed/url.hpp>

#include "doctor/facts.hpp"

namespace ringfeed::doctor {

/// Opens it, reads one block unless what is wanted is an ingest, and computes what a feed of the
/// run would hold. Throws Error{kInvalidArgument} for an address that names no data set.
DataSetFacts look_at_data_set(const Url& url, const ConnectionOptions& connection,
                              const Wanted& wanted);

}  // namespace ringfeed::doctor
