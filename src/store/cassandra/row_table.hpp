// A user's own table: what system_schema says of it, and the statements that read its rows. SELECT
// on the table is all that is needed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <ringfeed/connection.hpp>
#include <ringfeed/url.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cql/session.hpp"
#include "store/cassandra/tables.hpp"
#include "store/rows/index.hpp"

namespace ringfeed::cassandra {

class RowTable {
 public:
  struct Column {
    std::string name;
    std::string type;
  };

  static bool exists(const cql::Session& session, const Url& url);

  /// Throws Error: kNotFound (keyspace or table), kInvalidArgument (a partitioner without tokens in
  /// order).
  RowTable(std::shared_ptr<const cql::Session> session, const Url& url);

  const Tables& tables() const noexcept { return tables_; }
  const cql::Session& session() const noexcept { return tables_.session(); }
  const std::string& where() const noexcept { return tables_.where(); }
  const Url& url() const noexcept { return url_; }
  std::string quoted() const;  ///< with the keyspace
  const std::string& cluster() const noexcept { return cluster_; }
  const std::string& id() const noexcept { return id_; }
  const std::string& comment() const noexcept { return comment_; }
  /// A materialized view: it can be read and not written.
  bool is_view() const noexcept { return is_view_; }
  const std::vector<rows::KeyColumn>& partition_key() const noexcept { return partition_key_; }
  const std::vector<rows::KeyColumn>& clustering() const noexcept { return clustering_; }
  /// All, those of the key first, then the others by name.
  const std::vector<Column>& columns() const noexcept { return columns_; }
  bool is_key(std::string_view column) const noexcept;
  /// Throws Error{kPermission} when one of these columns has a mask through which the user does not
  /// see.
  void check_unmasked(const std::vector<std::string>& columns) const;
  /// "\"a\", \"b\"": of the partition key.
  std::string partition_key_text() const;

  /// The line that attaches it.
  std::string attach_line() const;

 private:
  void read_table();
  void read_columns();
  void read_masks();
  bool sees_through_masks() const;

  Tables tables_;
  Url url_;
  std::string cluster_;
  std::string id_;
  std::string comment_;
  bool is_view_ = false;
  bool is_static_compact_ = false;  ///< made WITH COMPACT STORAGE, without clustering
  std::vector<rows::KeyColumn> partition_key_;
  std::vector<rows::KeyColumn> clustering_;
  std::vector<Column> columns_;
  std::set<std::string> masked_;
};

/// Throws Error{kInvalidArgument} when the cluster's partitioner has no tokens in order.
void check_partitioner(const cql::Session& session, std::string_view where);

/// Whether the server has the type vector: from 5.0 on.
bool has_vectors(const cql::Session& session, std::string_view where);

/// The name of the cluster.
std::string cluster_of(const cql::Session& session, std::string_view where);

/// The consistency of what must not miss a row: LOCAL_QUORUM, and LOCAL_ONE from the moment on that
/// fewer replicas live than that takes, with one warning. Thread-safe.
class RowConsistency {
 public:
  /// `fixed`: what the user asked for; it is never changed.
  RowConsistency(std::optional<Consistency> fixed, std::function<void(const std::string&)> warn);

  Consistency now() const;
  /// True when the failed request is to be sent again, at now().
  bool step_down(const cql::Failure& failure, std::string_view where);

 private:
  const bool fixed_;
  const std::function<void(const std::string&)> warn_;
  mutable std::mutex mutex_;
  Consistency now_;
};

/// "\"a\", \"b\"".
std::string quoted_list(const std::vector<std::string>& names);

}  // namespace ringfeed::cassandra
