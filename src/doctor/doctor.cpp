// What is known of one place is used for the next: the data set before the cluster.
#include "doctor/doctor.hpp"

#include <iterator>
#include <ringfeed/error.hpp>
#include <utility>

#include "doctor/data_set.hpp"
#include "doctor/host.hpp"
#include "store/rows/index_folder.hpp"
#ifdef RINGFEED_CASSANDRA
#include "doctor/cluster.hpp"
#endif

namespace ringfeed::doctor {
namespace {

std::optional<std::string> index_dir(const Url& url, const ConnectionOptions& connection) {
  if (url.scheme != "cassandra") return std::nullopt;
  try {
    return rows::index_root(connection.index_dir);
  } catch (const Error&) {
    return std::nullopt;  // no home: only row tables need one, and say so
  }
}

void add(Findings& to, Findings more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

Findings examine(const Url& url, const ExamineOptions& options,
                 const ConnectionOptions& connection) {
  const Wanted& wanted = options.wanted;
  const HostFacts host = look_at_host(options.cache_dir, index_dir(url, connection));
  DataSetFacts data;
  std::optional<ClusterFacts> cluster;
#ifdef RINGFEED_CASSANDRA
  if (url.scheme == "cassandra") {
    Examination examination(url, connection);
    if (examination.facts().trouble.empty()) {
      data = look_at_data_set(url, connection, wanted);
      examination.look_at_tables(data, wanted.purpose);
    }
    cluster = examination.facts();
  }
#endif
  if (!cluster) data = look_at_data_set(url, connection, wanted);
  Findings findings;
  if (cluster) add(findings, judge_cluster(*cluster, wanted, std::chrono::system_clock::now()));
  if (!cluster || cluster->trouble.empty()) add(findings, judge_data_set(data, wanted));
  add(findings, judge_host(host, wanted, data, cluster ? &*cluster : nullptr));
  return findings;
}

std::optional<ClusterFacts> look_at_cluster([[maybe_unused]] const Url& url,
                                            [[maybe_unused]] const ConnectionOptions& connection) {
#ifdef RINGFEED_CASSANDRA
  if (url.scheme == "cassandra") return Examination(url, connection).facts();
#endif
  return std::nullopt;
}

}  // namespace ringfeed::doctor
