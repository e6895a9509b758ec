// Facts of a cluster, by statements that only read.
#pragma once

#include <memory>
#include <ringfeed/connection.hpp>
#include <ringfeed/url.hpp>

#include "cql/session.hpp"
#include "doctor/facts.hpp"

namespace ringfeed::doctor {

class Examination {
 public:
  /// Connects, and looks at nodes and keyspace. Throws Error{kInvalidArgument} for malformed
  /// settings; what else fails is in the facts.
  Examination(const Url& url, const ConnectionOptions& options);

  /// Looks at what holds the data set, and at what the role may do with it. Call it once, when
  /// there is a connection.
  void look_at_tables(const DataSetFacts& data, Purpose purpose);

  const ClusterFacts& facts() const noexcept { return facts_; }

 private:
  void look_at_nodes();
  void look_at_keyspace();
  void look_at_compression(const std::string& table);
  void look_at_tombstones(const std::string& table);
  void look_at_role();
  bool has_table(const std::string& table) const;

  const Url url_;
  std::shared_ptr<const cql::Session> session_;
  ClusterFacts facts_;
};

}  // namespace ringfeed::doctor
