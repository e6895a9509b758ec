// What a name in a keyspace is: a packed data set, else a row table.
#include "store/cassandra/open.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "store/cassandra/row_store.hpp"
#include "store/cassandra/store.hpp"
#include "store/rows/index_folder.hpp"

namespace ringfeed::cassandra {
namespace {

/// False also for a user who may read the table and nothing else.
bool is_packed(CassandraStore& store) {
  try {
    return !store.versions().empty();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kPermission) throw;
    return false;
  }
}

}  // namespace

std::shared_ptr<const cql::Session> open_session(const Url& url, const ConnectionOptions& options,
                                                 bool needs_name) {
  if (url.scheme != "cassandra") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': row tables are in Cassandra; the form is "
                            "cassandra://[user@]host[:port][,host...]/keyspace/table",
                            url.text()));
  }
  if (needs_name && url.name.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': the name of the data set is missing; the form is "
                            "cassandra://[user@]host[:port][,host...]/keyspace/name",
                            url.text()));
  }
  const Connection connection = resolve_connection(url, options);
  if (options.warn) {
    for (const auto& warning : connection.warnings) options.warn(warning);
  }
  return cql::Session::open(connection, url.keyspace);
}

std::unique_ptr<Store> open_cassandra_store(const Url& url, const ConnectionOptions& options) {
  auto session = open_session(url, options);
  CassandraStoreOptions store_options;
  store_options.warn = options.warn;
  auto packed = std::make_unique<CassandraStore>(session, url, std::move(store_options));
  if (is_packed(*packed)) return packed;
  auto rows = std::make_unique<RowStore>(session, url, options, false);
  if (RowTable::exists(*session, url) || rows->is_attached()) return rows;
  return packed;
}

std::vector<std::string> list_cassandra_datasets(const Url& url, const ConnectionOptions& options) {
  const auto session = open_session(url, options, false);
  const Tables tables(session, url);
  std::set<std::string> names;
  std::exception_ptr refused;  // of one who may read single tables alone
  try {
    for (const auto& name : tables.published_names()) names.insert(name);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kPermission) throw;
    refused = std::current_exception();
  }
  for (const auto& name :
       rows::attached_tables(rows::index_root(options.index_dir),
                             cluster_of(*session, tables.where()), url.keyspace)) {
    Url table = url;
    table.name = name;
    if (RowTable::exists(*session, table)) names.insert(name);
  }
  if (names.empty() && refused != nullptr) std::rethrow_exception(refused);
  std::vector<std::string> urls;
  for (const auto& name : names) {
    if (!url.name.empty() && name != url.name) continue;
    Url found = url;
    found.split.reset();
    found.version.reset();
    found.name = name;
    urls.push_back(found.text());
  }
  return urls;
}

}  // namespace ringfeed::cassandra
