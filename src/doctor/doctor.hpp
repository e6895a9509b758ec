// The examination as a whole: facts are gathered, then judged.
#pragma once

#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/url.hpp>
#include <string>

#include "doctor/judge.hpp"

namespace ringfeed::doctor {

struct ExamineOptions {
  Wanted wanted = {};
  std::optional<std::string> cache_dir = {};
};

/// Nothing that lasts is written anywhere. What cannot be reached is a finding. Throws
/// Error{kInvalidArgument} for settings of the connection that are malformed.
Findings examine(const Url& url, const ExamineOptions& options,
                 const ConnectionOptions& connection);

/// Of a data set in Cassandra, the data set itself aside; nothing of others. Throws as examine().
std::optional<ClusterFacts> look_at_cluster(const Url& url, const ConnectionOptions& connection);

}  // namespace ringfeed::doctor
