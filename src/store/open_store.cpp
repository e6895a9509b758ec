// Which store an address means, and which data sets are there.
#include <fmt/format.h>
#include <sys/stat.h>

#include <ringfeed/error.hpp>
#include <ringfeed/row_table.hpp>
#include <ringfeed/store.hpp>

#include "store/local_store.hpp"
#ifdef RINGFEED_CASSANDRA
#include "store/cassandra/store.hpp"
#endif

namespace ringfeed {

#ifndef RINGFEED_CASSANDRA
namespace cassandra {
namespace {

[[noreturn]] void refuse(const Url& url, const ConnectionOptions& connection) {
  resolve_connection(url, connection);  // what is wrong with it is said first
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("'{}': this program was built without Cassandra "
                          "(-DRINGFEED_CASSANDRA=OFF); name a local folder",
                          url.text()));
}

std::unique_ptr<Store> open_cassandra_store(const Url& url, const ConnectionOptions& connection) {
  refuse(url, connection);
}

std::vector<std::string> list_cassandra_datasets(const Url& url,
                                                 const ConnectionOptions& connection) {
  refuse(url, connection);
}

void create_keyspace(const Url& url, const ConnectionOptions& connection, std::string_view) {
  refuse(url, connection);
}

}  // namespace
}  // namespace cassandra

AttachResult attach(const Url& url, const AttachOptions&, const ConnectionOptions& connection) {
  cassandra::refuse(url, connection);
}

std::unique_ptr<Store> open_row_store(const Url& url, const ConnectionOptions& connection) {
  cassandra::refuse(url, connection);
}
#endif

std::unique_ptr<Store> open_store(const Url& url, const ConnectionOptions& connection) {
  if (url.scheme == "cassandra") return cassandra::open_cassandra_store(url, connection);
  struct stat status{};
  if (::stat(url.path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: it is a file, and a data set is a folder; make one of it with "
                            "'ringfeed ingest {} NAME.ring'",
                            url.path, url.path));
  }
  return std::make_unique<LocalStore>(url.path);
}

void create_keyspace(const Url& url, std::string_view replication,
                     const ConnectionOptions& connection) {
  if (url.scheme != "cassandra") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("'{}': only a cassandra:// address has a keyspace", url.text()));
  }
  cassandra::create_keyspace(url, connection, replication);
}

std::vector<std::string> list_datasets(const Url& url, const ConnectionOptions& connection) {
  if (url.scheme == "cassandra") return cassandra::list_cassandra_datasets(url, connection);
  struct stat status{};
  if (::stat(url.path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: there is no such folder; check the path", url.path));
  }
  if (!LocalLayout(url.path).versions().empty()) return {Url{.path = url.path}.text()};
  std::vector<std::string> found;
  for (const auto& name : names_in(url.path)) {
    const std::string path = url.path == "/" ? "/" + name : url.path + "/" + name;
    if (::stat((path + "/versions").c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    if (!LocalLayout(path).versions().empty()) found.push_back(Url{.path = path}.text());
  }
  return found;
}

}  // namespace ringfeed
