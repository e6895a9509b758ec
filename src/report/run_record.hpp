// What is kept of a training run while it goes on: JSON lines, TensorBoard's events, Prometheus's
// text.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <ringfeed/meters.hpp>
#include <ringfeed/train.hpp>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "report/event_file.hpp"
#include "report/metrics_server.hpp"
#include "report/run_page.hpp"

namespace ringfeed {

struct RunRecordOptions {
  std::string log;          ///< file of JSON lines, which it grows; "-": stdout; empty: none
  std::string tensorboard;  ///< folder; empty: none
  std::string metrics;      ///< file of Prometheus's text; empty: none
  std::optional<ListenAddress> metrics_address = {};  ///< where that text is served to who asks
  std::string page;      ///< HTML file, written at the end; empty: none
  int read_threads = 1;  ///< of the run, for the page
  int assemble_threads = 1;
  /// Called once for each of them that cannot be written any more: training goes on without it.
  std::function<void(const std::string&)> warn;

  /// Whether any of them is about meters.
  bool has_meters() const { return !metrics.empty() || metrics_address.has_value(); }
  /// Whether any of them is about steps.
  bool has_steps() const { return !log.empty() || !tensorboard.empty() || !page.empty(); }
};

/// Thread-safe. Metrics are each rank's, all else is rank 0's.
class RunRecord {
 public:
  /// Throws Error when a file cannot be made, or the address is not free.
  RunRecord(RunRecordOptions options, int rank);
  ~RunRecord();

  /// Where the meters are served; empty: nowhere.
  std::string metrics_url() const { return server_ ? server_->url() : ""; }

  /// As the first line of the log.
  void start(const nlohmann::ordered_json& options);
  void step(const TrainStep& step);
  void interval(const TrainInterval& interval);
  /// At the end of an epoch.
  void epoch(const TrainProgress& progress);
  void meters(int rank, const Meters& meters);
  /// As the last line of the log, and on the page, which is then written; `shown` is of the page
  /// alone (RunPage::html()).
  void end(const nlohmann::ordered_json& summary,
           const nlohmann::ordered_json& shown = nlohmann::ordered_json::object());

 private:
  void log(const nlohmann::ordered_json& line);
  void flush();
  template <typename Target, typename Write>
  void attempt(Target& target, const Write& write);

  const RunRecordOptions options_;
  std::mutex mutex_;
  // What is recorded; empty: it is not, or can no longer be.
  std::optional<File> log_;
  std::string lines_;  ///< not yet written
  std::optional<EventFile> events_;
  std::optional<RunPage> page_;
  bool measures_ = false;
  std::optional<MetricsServer> server_;
  nlohmann::ordered_json run_options_;
  std::uint64_t steps_ = 0;  ///< the last that was recorded
};

/// The file of a rank: of rank 0 `path`, of the others with ".rank1" and so on before its ending.
std::string path_of_rank(const std::string& path, int rank);

}  // namespace ringfeed
