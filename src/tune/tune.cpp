// The order of the measurements, and their share of the time.
#include "tune/tune.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <thread>
#include <utility>

#include "base/byte_size.hpp"
#include "base/option.hpp"
#include "feed/budget.hpp"
#include "tune/measure.hpp"

namespace ringfeed::tune {
namespace {

constexpr std::uint64_t kStepsMin = 8;
constexpr double kMeasureSecondsMin = 0.5;
/// To start processes that train, and to warm them up.
constexpr double kStartSeconds = 1.0;
constexpr std::size_t kTriesMax = 3;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::uint64_t half_of_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 2;
}

class Tuner {
 public:
  explicit Tuner(const TuneOptions& options)
      : options_(options),
        dataset_(Dataset::open(options.url, options.connection)),
        steps_(dataset_->size(), options.feed.order),
        cores_(options.cores > 0
                   ? options.cores
                   : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))) {
    if (steps_.count() < kStepsMin) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{}: {} samples are {} step{} of an epoch, too few to measure; it "
                      "takes {}: a smaller {}, or more samples",
                      options.url, dataset_->size(), steps_.count(), steps_.count() == 1 ? "" : "s",
                      kStepsMin, option_name("batch-size")));
    }
    const auto reader = dataset_->reader(1);
    for (const auto& block : reader->blocks()) {
      blocks_.push_back(block);
      bytes_ += block.bytes;
    }
    overhead_ = reader->overhead_bytes();
    choose_start();
    choose_models();
    choose_stores();
    share_time();
  }

  TuneResult run() {
    measure();
    TuneResult result;
    const Proposals proposals = search(
        measured_, {start_, cores_, memory_, [this](int ranks) { return floor_bytes(ranks); }});
    result.measured = measured_;
    result.start = attempt(proposals.start);
    for (const auto& candidate : proposals.better) result.tries.push_back(attempt(candidate));
    double best = result.start.samples_per_second * (1 + kNoise);
    for (std::size_t i = 0; i < result.tries.size(); ++i) {
      if (result.tries[i].samples_per_second <= best) continue;
      best = result.tries[i].samples_per_second;
      result.best = i;
    }
    result.advice = advice(result.chosen());
    return result;
  }

 private:
  bool is_cassandra() const { return Url::parse(options_.url).scheme == "cassandra"; }

  std::uint64_t sample_bytes() const {
    return bytes_ / std::max<std::uint64_t>(dataset_->size(), 1);
  }

  Budget budget_of(int ranks, std::uint64_t prefetch_bytes) const {
    FeedOptions feed = options_.feed;
    feed.world_size = ranks;
    feed.prefetch_bytes = prefetch_bytes;
    const auto all = static_cast<std::uint64_t>(ranks);
    return plan_budget(feed, blocks_, sample_bytes() * ((steps_.size_max() + all - 1) / all),
                       overhead_);
  }
  std::uint64_t floor_bytes(int ranks) const { return budget_of(ranks, 0).floor_bytes; }

  void choose_start() {
    start_ = options_.start;
    memory_ = options_.memory_bytes > 0 ? options_.memory_bytes : half_of_memory();
    const auto ranks = static_cast<std::uint64_t>(start_.ranks);
    const std::uint64_t floor = floor_bytes(start_.ranks) * ranks;
    if (memory_ < floor) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "{}: this order needs at least {} on {} rank{}; give more, or use fewer {} or a "
              "smaller {}",
              option_name("budget-memory", format_bytes(memory_)), format_bytes(floor), ranks,
              ranks == 1 ? "" : "s", option_name("lanes"), option_name("window")));
    }
    const std::uint64_t wanted = budget_of(start_.ranks, start_.prefetch_bytes).bytes;
    start_.prefetch_bytes = budget_of(start_.ranks, std::min(wanted, memory_ / ranks)).bytes;
    if (!is_cassandra()) return;
    const Connection connection = resolve_connection(Url::parse(options_.url), options_.connection);
    start_.connections = connection.connections_per_host;
    start_.in_flight_bytes = connection.in_flight_bytes_per_node;
    if (!options_.connection.in_flight_bytes_per_node)
      start_.in_flight_bytes /= static_cast<std::uint64_t>(start_.ranks);
  }

  void choose_models() {
    std::vector<std::pair<int, int>> pairs = {{start_.ranks, start_.threads}, {1, 1}};
    for (int ranks = 1; ranks <= cores_; ranks *= 2) pairs.emplace_back(ranks, cores_ / ranks);
    for (const auto& [ranks, threads] : pairs) {
      const bool is_start = ranks == start_.ranks && threads == start_.threads;
      const bool can = static_cast<std::uint32_t>(ranks) <= steps_.lanes() &&
                       !(options_.fixed_ranks && ranks != start_.ranks);
      const bool is_there = std::ranges::any_of(models_, [&](const Settings& other) {
        return other.ranks == ranks && other.threads == threads;
      });
      if (is_there || !(can || is_start)) continue;
      Settings& model = models_.emplace_back(start_);
      model.ranks = ranks;
      model.threads = threads;
    }
  }

  void choose_stores() {
    stores_ = {start_};
    if (!is_cassandra()) return;
    Settings more = start_;
    more.connections = std::min(2 * more.connections, Connection::kConnectionsPerHostMax);
    stores_.push_back(more);
    Settings further = start_;
    further.in_flight_bytes = 2 * start_.in_flight_bytes;
    stores_.push_back(further);
  }

  void share_time() {
    const std::size_t runs = models_.size() + 1 + kTriesMax;
    const std::size_t count = stores_.size() + 2 + runs;
    const double starts = kStartSeconds * static_cast<double>(runs);
    const double least = kMeasureSecondsMin * static_cast<double>(count) + starts;
    if (!(options_.seconds >= least)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} {}: {} measurements need {:.0f} s", option_name("seconds"),
                              options_.seconds, count, std::ceil(least)));
    }
    each_ = Seconds((options_.seconds - starts) / static_cast<double>(count));
  }

  /// The model first: what does not fit the data is refused there.
  void measure() {
    for (const auto& settings : models_) {
      options_.progress(
          fmt::format("the model alone, {} x {} threads", settings.ranks, settings.threads));
      measured_.models.push_back(model_rate(settings));
    }
    options_.progress("one block of the store at a time");
    measured_.sample_bytes = static_cast<double>(sample_bytes());
    measured_.block_bytes = static_cast<double>(bytes_) / static_cast<double>(blocks_.size());
    measured_.block_seconds = measure_block_seconds(*dataset_, each_, options_.stop);
    for (const auto& settings : stores_) {
      options_.progress("the store alone");
      ConnectionOptions connection = options_.connection;
      if (settings.connections > 0) {
        connection.connections_per_host = settings.connections;
        connection.in_flight_bytes_per_node = settings.in_flight_bytes;
      }
      const auto dataset = stores_.size() == 1 ? dataset_ : Dataset::open(options_.url, connection);
      // As much as any candidate reads ahead: what a round trip holds of less is computed.
      StoreRate rate =
          measure_store(*dataset, std::min(kReadAheadMax * start_.prefetch_bytes, memory_), cores_,
                        each_, options_.stop);
      rate.connections = settings.connections;
      rate.in_flight_bytes = settings.in_flight_bytes;
      measured_.stores.push_back(rate);
    }
    options_.progress("assembly");
    FeedOptions feed = options_.feed;
    feed.prefetch_bytes = start_.prefetch_bytes;
    measured_.assemble_seconds = measure_assembly(dataset_, std::move(feed), each_, options_.stop);
  }

  Trial trial(bool held_batch) const {
    const auto milliseconds = [](Seconds seconds) {
      return std::chrono::duration_cast<std::chrono::milliseconds>(seconds);
    };
    return {.warm_up = milliseconds(Seconds(kStartSeconds / 3)),
            .time = milliseconds(each_),
            .held_batch = held_batch};
  }

  TrainSummary train(const Settings& settings, bool held_batch) const {
    const TrainSummary summary = options_.train(settings, trial(held_batch));
    if (summary.samples == 0 || summary.seconds.total <= 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("no step ended within {:.1f} s; give more {}", each_.count(),
                              option_name("seconds")));
    }
    return summary;
  }

  ModelRate model_rate(const Settings& settings) const {
    const TrainSummary summary = train(settings, true);
    const auto samples = static_cast<double>(summary.samples);
    const TrainSeconds& seconds = summary.seconds;
    return {.ranks = settings.ranks,
            .threads = settings.threads,
            .compute_seconds = (seconds.total - seconds.all_reduce) / samples,
            .all_reduce_seconds = seconds.all_reduce / samples,
            .cpu_seconds = settings.ranks * summary.cpu_seconds / samples};
  }

  Tried attempt(const Candidate& candidate) const {
    const Settings& settings = candidate.settings;
    options_.progress(fmt::format("a run of {} x {} threads", settings.ranks, settings.threads));
    const TrainSummary summary = train(settings, false);
    return {.candidate = candidate,
            .samples_per_second = static_cast<double>(summary.samples) / summary.seconds.total,
            .wait_share = summary.seconds.wait / summary.seconds.total};
  }

  std::vector<std::string> advice(const Tried& chosen) const {
    std::vector<std::string> lines;
    if (chosen.candidate.prediction.limit != "store") return lines;
    if (!options_.connection.cache_dir && is_cassandra()) {
      lines.push_back(fmt::format(
          "{} keeps {} on a disk of this host: from the second epoch on the store is not "
          "asked",
          option_name("cache", "DIR"), format_bytes(bytes_)));
    }
    constexpr std::uint64_t kSmallBlock = kMiB / 8;
    if (measured_.block_bytes < kSmallBlock && blocks_.size() > 1) {
      lines.push_back(
          fmt::format("blocks of {} are small: an ingest with {} asks the store less often (and "
                      "makes another order)",
                      format_bytes(static_cast<std::uint64_t>(measured_.block_bytes)),
                      option_name("chunk-bytes", "512KiB")));
    }
    return lines;
  }

  const TuneOptions& options_;
  const std::shared_ptr<const Dataset> dataset_;
  const Steps steps_;
  const int cores_;
  std::vector<BlockInfo> blocks_;
  std::uint64_t bytes_ = 0;
  std::uint64_t overhead_ = 0;
  std::uint64_t memory_ = 0;
  Settings start_;
  std::vector<Settings> models_;
  std::vector<Settings> stores_;
  Seconds each_{};
  Measured measured_;
};

}  // namespace

TuneResult tune(const TuneOptions& options) { return Tuner(options).run(); }

}  // namespace ringfeed::tune
