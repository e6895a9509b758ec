// What is asked of system_schema, which every user may read.
#include "store/cassandra/row_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ringfeed/error.hpp>
#include <utility>

#include "cql/identifier.hpp"

namespace ringfeed::cassandra {
namespace {

const cql::Request kTableRead = {.consistency = Consistency::kLocalOne};
constexpr std::string_view kPartitioner = "org.apache.cassandra.dht.Murmur3Partitioner";

cql::Rows table_row(const cql::Session& session, const Url& url, std::string_view where) {
  return session.execute(
      "SELECT id, comment FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?",
      cql::Values().view(url.keyspace).view(url.name), kTableRead, where);
}

}  // namespace

bool RowTable::exists(const cql::Session& session, const Url& url) {
  return table_row(session, url, url.text()).size() > 0;
}

RowTable::RowTable(std::shared_ptr<const cql::Session> session, const Url& url)
    : tables_(std::move(session), url), url_(url) {
  url_.split.reset();
  url_.version.reset();
  read_table();
  read_columns();
}

void RowTable::read_table() {
  const auto rows = table_row(session(), url_, where());
  if (rows.size() == 0) {
    tables_.rows();  // throws when the keyspace is missing
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no table {} in keyspace {}; check the name", where(),
                            url_.name, url_.keyspace));
  }
  id_ = rows::cell_text("uuid", rows.cell(0, 0).value_or(""));
  comment_ = rows.text(0, 1);
  const auto local = session().execute("SELECT cluster_name, partitioner FROM system.local", {},
                                       kTableRead, where());
  cluster_ = local.text(0, 0);
  if (local.text(0, 1) != kPartitioner) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the cluster's partitioner is {}; row tables are read by the "
                            "tokens of {}; copy the rows to a cluster that has it",
                            where(), local.text(0, 1), kPartitioner));
  }
}

void RowTable::read_columns() {
  const auto rows = session().execute(
      "SELECT column_name, kind, position, clustering_order, type FROM system_schema.columns WHERE "
      "keyspace_name = ? AND table_name = ?",
      cql::Values().view(url_.keyspace).view(url_.name), kTableRead, where());
  std::map<std::int32_t, rows::KeyColumn> partition_key;
  std::map<std::int32_t, rows::KeyColumn> clustering;
  std::vector<Column> others;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string kind = rows.text(i, 1);
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
