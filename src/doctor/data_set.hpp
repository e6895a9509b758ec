// Facts of a data set, as its store tells them.
#pragma once

#include <ringfeed/connection.hpp>
#include <ringfeed/url.hpp>

#include "doctor/facts.hpp"

namespace ringfeed::doctor {

/// Opens it, and reads one block where `reads`.
DataSetFacts look_at_data_set(const Url& url, const ConnectionOptions& connection, bool reads);

}  // namespace ringfeed::doctor
