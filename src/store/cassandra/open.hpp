// From a cassandra:// URL to a session.
#pragma once

#include <memory>
#include <ringfeed/connection.hpp>
#include <ringfeed/url.hpp>

#include "cql/session.hpp"

namespace ringfeed::cassandra {

/// What there is to warn of is told before it connects. Throws Error{kInvalidArgument} when the URL
/// names no data set and `needs_name`.
std::shared_ptr<const cql::Session> open_session(const Url& url, const ConnectionOptions& options,
                                                 bool needs_name = true);

}  // namespace ringfeed::cassandra
