// What is asked of system_schema, which every user may read.
#include "store/cassandra/row_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <ringfeed/error.hpp>
#include <utility>

#include "base/option.hpp"
#include "cql/identifier.hpp"

namespace ringfeed::cassandra {
namespace {

constexpr std::string_view kPartitioner = "org.apache.cassandra.dht.Murmur3Partitioner";

cql::Rows table_row(const cql::Session& session, const Url& url, std::string_view where) {
  return session.execute(
      "SELECT id, comment, flags FROM system_schema.tables WHERE keyspace_name = ? AND table_name "
      "= ?",
      cql::Values().view(url.keyspace).view(url.name), system_read(session), where);
}

cql::Rows view_row(const cql::Session& session, const Url& url, std::string_view where) {
  return session.execute(
      "SELECT id, comment FROM system_schema.views WHERE keyspace_name = ? AND view_name = ?",
      cql::Values().view(url.keyspace).view(url.name), system_read(session), where);
}

/// Whether a set<text> has this item: its size, then for each item its length and bytes.
bool has_item(std::string_view set, std::string_view item) {
  for (std::size_t at = 4; at + 4 <= set.size();) {
    const auto size = static_cast<std::size_t>(cql::read_big_endian<std::int32_t>(set.data() + at));
    if (set.substr(at + 4, size) == item) return true;
    at += 4 + size;
  }
  return false;
}

}  // namespace

bool RowTable::exists(const cql::Session& session, const Url& url) {
  return table_row(session, url, url.text()).size() > 0 ||
         view_row(session, url, url.text()).size() > 0;
}

RowTable::RowTable(std::shared_ptr<const cql::Session> session, const Url& url)
    : tables_(std::move(session), url), url_(url) {
  url_.split.reset();
  url_.version.reset();
  read_table();
  read_columns();
  read_masks();
}

void RowTable::read_table() {
  auto rows = table_row(session(), url_, where());
  if (rows.size() > 0) {
    const std::string_view flags = rows.cell(0, 2).value_or("");
    is_static_compact_ =
        !has_item(flags, "compound") && !has_item(flags, "dense") && !has_item(flags, "super");
  } else {
    rows = view_row(session(), url_, where());
    is_view_ = rows.size() > 0;
  }
  if (rows.size() == 0) {
    tables_.rows();  // throws when the keyspace is missing
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no table {} in keyspace {}; check the name", where(),
                            url_.name, url_.keyspace));
  }
  id_ = rows::cell_text("uuid", rows.cell(0, 0).value_or(""));
  comment_ = rows.text(0, 1);
  cluster_ = cluster_of(session(), where());
  check_partitioner(session(), where());
}

void RowTable::read_columns() {
  const auto rows = session().execute(
      "SELECT column_name, kind, position, clustering_order, type FROM system_schema.columns WHERE "
      "keyspace_name = ? AND table_name = ?",
      cql::Values().view(url_.keyspace).view(url_.name), system_read(session()), where());
  std::map<std::int32_t, rows::KeyColumn> partition_key;
  std::map<std::int32_t, rows::KeyColumn> clustering;
  std::vector<Column> others;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string kind = rows.text(i, 1);
    if (is_static_compact_) {
      // What Cassandra keeps such a table in, and shows to nobody: the columns of the user are the
      // key's and those that are called static.
      if (kind == "clustering" || kind == "regular") continue;
    }
    if (rows.text(i, 4) == "empty") continue;  // of a compact table that has its key alone
    rows::KeyColumn column{rows.text(i, 0), rows.text(i, 4), rows.text(i, 3) == "desc"};
    if (kind == "partition_key") {
      partition_key.emplace(rows.integer(i, 2), std::move(column));
    } else if (kind == "clustering") {
      clustering.emplace(rows.integer(i, 2), std::move(column));
    } else {
      others.push_back({column.name, column.type});
    }
  }
  for (const auto& [position, column] : partition_key) partition_key_.push_back(column);
  for (const auto& [position, column] : clustering) clustering_.push_back(column);
  for (const auto* const key : {&partition_key_, &clustering_}) {
    for (const auto& column : *key) columns_.push_back({column.name, column.type});
  }
  std::ranges::sort(others, {}, &Column::name);
  columns_.insert(columns_.end(), others.begin(), others.end());
}

/// Dynamic data masking: a role without UNMASK is given other values, and no word of it.
void RowTable::read_masks() {
  try {
    const auto rows = session().execute(
        "SELECT column_name FROM system_schema.column_masks WHERE keyspace_name = ? AND "
        "table_name = ?",
        cql::Values().view(url_.keyspace).view(url_.name), system_read(session()), where());
    for (std::size_t i = 0; i < rows.size(); ++i) masked_.insert(rows.text(i, 0));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;  // a server before 5.0, which has no masks
  }
}

bool RowTable::sees_through_masks() const {
  const auto& user = session().connection().user;
  if (!user) return true;  // a server that asks nobody who he is hides nothing
  const std::string role = cql::quote_identifier(*user);
  const auto list = [&](const std::string& what) {
    return session().execute(fmt::format("LIST {} OF {}", what, role), {}, system_read(session()),
                             where());
  };
  const auto roles = list("ROLES");
  for (std::size_t column = 0; column < roles.columns(); ++column) {
    if (roles.column_name(column) != "super") continue;
    for (std::size_t i = 0; i < roles.size(); ++i) {
      if (roles.boolean(i, column)) return true;
    }
  }
  return list(fmt::format("UNMASK PERMISSION ON TABLE {}", quoted())).size() > 0;
}

void RowTable::check_unmasked(const std::vector<std::string>& columns) const {
  const auto masked = std::ranges::find_if(
      columns, [this](const std::string& name) { return masked_.contains(name); });
  if (masked == columns.end()) return;
  std::string reason;
  try {
    if (sees_through_masks()) return;
  } catch (const Error& error) {
    reason = fmt::format(" (whether it sees through them cannot be told: {})", error.what());
  }
  const std::string user = session().connection().user.value_or("");
  throw Error(ErrorCode::kPermission,
              fmt::format("{}: column {} is masked, and user {} would be given masks for its "
                          "values{}; ask for GRANT UNMASK ON TABLE {} TO {}, or leave the column "
                          "out ({})",
                          where(), *masked, user, reason, quoted(), cql::quote_identifier(user),
                          option_name("columns")));
}

std::string RowTable::quoted() const {
  return fmt::format("{}.{}", cql::quote_identifier(url_.keyspace),
                     cql::quote_identifier(url_.name));
}

bool RowTable::is_key(std::string_view column) const noexcept {
  return std::ranges::find(partition_key_, column, &rows::KeyColumn::name) !=
             partition_key_.end() ||
         std::ranges::find(clustering_, column, &rows::KeyColumn::name) != clustering_.end();
}

std::string RowTable::partition_key_text() const {
  std::vector<std::string> names;
  for (const auto& column : partition_key_) names.push_back(column.name);
  return quoted_list(names);
}

std::string RowTable::attach_line() const { return fmt::format("ringfeed attach '{}'", where()); }

void check_partitioner(const cql::Session& session, std::string_view where) {
  const auto local =
      session.execute("SELECT partitioner FROM system.local", {}, system_read(session), where);
  if (local.text(0, 0) == kPartitioner) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: the cluster's partitioner is {}; row tables are read by the "
                          "tokens of {}; copy the rows to a cluster that has it",
                          where, local.text(0, 0), kPartitioner));
}

bool has_vectors(const cql::Session& session, std::string_view where) {
  const auto version =
      session.execute("SELECT release_version FROM system.local", {}, system_read(session), where)
          .text(0, 0);
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major >= 5;
}

std::string cluster_of(const cql::Session& session, std::string_view where) {
  return session.execute("SELECT cluster_name FROM system.local", {}, system_read(session), where)
      .text(0, 0);
}

RowConsistency::RowConsistency(std::optional<Consistency> fixed,
                               std::function<void(const std::string&)> warn)
    : fixed_(fixed.has_value()),
      warn_(std::move(warn)),
      now_(fixed.value_or(Consistency::kLocalQuorum)) {}

Consistency RowConsistency::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

bool RowConsistency::step_down(const cql::Failure& failure, std::string_view where) {
  if (failure.status != cql::Status::kUnavailable || failure.alive < 1 ||
      failure.alive >= failure.required) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  if (fixed_) return false;
  if (now_ == Consistency::kLocalOne) return true;  // another request was first
  now_ = Consistency::kLocalOne;
  if (warn_) {
    warn_(
        fmt::format("{}: LOCAL_QUORUM needs {} replicas and {} live; going on at LOCAL_ONE, "
                    "where rows that only the others have are missed and a lost node may lose "
                    "rows; start the others and run 'nodetool repair'",
                    where, failure.required, failure.alive));
  }
  return true;
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", cql::quote_identifier(name));
  return text;
}

}  // namespace ringfeed::cassandra
