// The order of the measurements, and their share of the time.
#include "tune/tune.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <thread>
#include <tuple>
#include <utility>

#include "base/byte_size.hpp"
#include "base/memory.hpp"
#include "base/option.hpp"
#include "feed/budget.hpp"
#include "feed/decoded_columns.hpp"
#include "feed/selection.hpp"
#include "tune/measure.hpp"

namespace ringfeed::tune {
namespace {

constexpr std::uint64_t kStepsMin = 8;
constexpr double kMeasureSecondsMin = 0.5;
/// Time to start processes that train, and to warm them up, as long as none was started.
constexpr double kStartSeconds = 1.0;
/// Part of the time by which it may be exceeded before something is left out.
constexpr double kSlack = 0.15;
constexpr std::size_t kTriesMax = 3;

/// Batches of other sizes that the model is measured over, as multiples of the run's.
constexpr std::uint64_t kBatchFactors[] = {2, 4};

std::uint64_t half_of_memory() {
  if (const auto memory = available_memory()) return memory->bytes_available / 2;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("how much memory is available is not known here; give {}",
                          option_name("budget-memory")));
}

class Tuner {
 public:
  explicit Tuner(const TuneOptions& options)
      : options_(options),
        url_(Url::parse(options.url)),
        store_(open_store(url_, options.connection)),
        dataset_(Dataset::open(store_, options.url, url_.version, url_.split.value_or(""))),
        columns_(DecodedColumns(Selection(dataset_->schema(), options.feed.columns).columns(),
                                options.feed.decode)
                     .columns()),
        steps_(dataset_->size(), options.feed.order),
        begin_(options.now()),
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
    const SearchOptions as_asked = {start_, cores_, memory_,
                                    [this](const Settings& settings) { return needs_of(settings); },
                                    options_.tune_order ? orders() : std::vector<LanesAndWindow>()};
    const Proposals proposals = search(measured_, as_asked);
    result.measured = measured_;
    result.blocks = blocks_.size();
    result.memory_bytes = memory_;
    result.start = attempt(proposals.start);
    for (const auto& candidate : proposals.better) {
      if (has_time(1, 0)) result.tries.push_back(attempt(candidate));
    }
    double best = result.start.samples_per_second * (1 + kNoise);
    for (std::size_t i = 0; i < result.tries.size(); ++i) {
      if (result.tries[i].samples_per_second <= best) continue;
      best = result.tries[i].samples_per_second;
      result.best = i;
    }
    result.advice = advice(measured_, facts_of(result, as_asked));
    if (left_out_ > 0) result.advice.push_back(advice_on_time());
    return result;
  }

 private:
  bool is_cassandra() const { return url_.scheme == "cassandra"; }

  std::uint64_t sample_bytes() const {
    return bytes_ / std::max<std::uint64_t>(dataset_->size(), 1);
  }

  Budget budget_of(const Settings& settings, std::uint64_t prefetch_bytes) const {
    FeedOptions feed = options_.feed;
    feed.world_size = settings.ranks;
    feed.prefetch_bytes = prefetch_bytes;
    feed.order.lanes = settings.lanes;
    feed.order.window = settings.window;
    return plan_budget(feed, blocks_, columns_, overhead_);
  }

  std::optional<Needs> needs_of(const Settings& settings) {
    const auto key = std::tuple(settings.ranks, settings.lanes, settings.window);
    const auto [found, is_new] = needs_.try_emplace(key);
    if (!is_new) return found->second;
    try {
      const Budget budget = budget_of(settings, 0);
      found->second = Needs{budget.floor_bytes, budget.least_bytes};
    } catch (const Error&) {
      // These ranks and this order do not fit each other.
    }
    return found->second;
  }

  /// Fewer lanes and smaller windows leave more memory to read ahead with; `none` and `full` have
  /// neither.
  std::vector<LanesAndWindow> orders() const {
    std::vector<LanesAndWindow> orders;
    if (options_.feed.order.shuffle != Shuffle::kBlock) return orders;
    for (const std::uint32_t lanes : {start_.lanes, start_.lanes / 2, start_.lanes / 4}) {
      for (const std::uint32_t window : {start_.window, start_.window / 2}) {
        const bool is_start = lanes == start_.lanes && window == start_.window;
        if (lanes > 0 && window > 0 && !is_start) orders.emplace_back(lanes, window);
      }
    }
    return orders;
  }

  void choose_start() {
    start_ = options_.start;
    start_.lanes = options_.feed.order.lanes;
    start_.window = options_.feed.order.window;
    start_.global_batch = options_.feed.order.global_batch;
    memory_ = options_.memory_bytes > 0 ? options_.memory_bytes : half_of_memory();
    const auto ranks = static_cast<std::uint64_t>(start_.ranks);
    const std::uint64_t least = budget_of(start_, 0).least_bytes * ranks;
    if (memory_ < least) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format(
              "{}: this order needs at least {} on {} rank{}; give more, or use fewer {} or a "
              "smaller {}",
              option_name("budget-memory", format_bytes(memory_)), format_bytes(least), ranks,
              ranks == 1 ? "" : "s", option_name("lanes"), option_name("window")));
    }
    const std::uint64_t wanted = budget_of(start_, start_.prefetch_bytes).bytes;
    start_.prefetch_bytes = std::min(wanted, memory_ / ranks);
    if (!is_cassandra()) return;
    const Connection connection = resolve_connection(url_, options_.connection);
    start_.connections = connection.connections_per_host;
    start_.in_flight_bytes = connection.in_flight_bytes_per_node;
    if (!options_.connection.in_flight_bytes_per_node)
      start_.in_flight_bytes /= static_cast<std::uint64_t>(start_.ranks);
  }

  void choose_models() {
    models_ = {start_};
    const auto add = [this](int ranks, int threads, bool data_parallel) {
      Settings model = start_;
      model.ranks = ranks;
      model.threads = threads;
      model.data_parallel = data_parallel;
      if (std::ranges::find(models_, model) == models_.end() && needs_of(model))
        models_.push_back(model);
    };
    if (!options_.fixed_ranks) add(1, 1, start_.data_parallel);
    for (int ranks = 1; ranks <= cores_; ranks *= 2) {
      if (!options_.fixed_ranks || ranks == start_.ranks)
        add(ranks, cores_ / ranks, start_.data_parallel);
    }
    if (options_.with_data_parallel) add(1, cores_, true);
    for (const auto factor : kBatchFactors) {
      Settings& batch = batches_.emplace_back(start_);
      batch.global_batch *= factor;
      if (batch.global_batch > dataset_->size()) batches_.pop_back();
    }
  }

  void choose_stores() {
    stores_ = {start_};
    if (!is_cassandra()) return;
    Settings more = start_;
    more.connections =
        std::min(2 * more.connections, most_of<std::uint32_t>("connections-per-host"));
    stores_.push_back(more);
    Settings further = start_;
    further.in_flight_bytes = 2 * start_.in_flight_bytes;
    stores_.push_back(further);
  }

  void share_time() {
    const std::size_t runs = models_.size() + batches_.size() + 1 + kTriesMax;
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

  double seconds_left() const {
    return options_.seconds - Seconds(options_.now() - begin_).count();
  }

  double seconds_of(std::size_t runs, std::size_t others) const {
    return each_.count() * static_cast<double>(runs + others) +
           start_seconds_ * static_cast<double>(runs);
  }

  /// Whether there is time for a run and for what matters more than it: so many runs, it included,
  /// and other measurements. Where there is none, as on a busy host, it is left out.
  bool has_time(std::size_t runs, std::size_t others) {
    if (seconds_left() + kSlack * options_.seconds >= seconds_of(runs, others)) return true;
    ++left_out_;
    return false;
  }

  std::string advice_on_time() const {
    const double enough = options_.seconds - seconds_left() + seconds_of(left_out_, 0);
    return fmt::format(
        "{} of the measurements were left out, as a run takes {:.0f} s to start here; {} gives "
        "time for them",
        left_out_, std::ceil(start_seconds_),
        option_name("seconds", fmt::format("{:.0f}", std::ceil(enough))));
  }

  /// The model first: what does not fit the data is refused there.
  void measure() {
    for (const auto& settings : models_) {
      options_.progress(
          fmt::format("the model alone, {} x {} threads", settings.ranks, settings.threads));
      measured_.models.push_back(model_rate(settings));
    }
    const ModelRate& now = measured_.models.front();
    measured_.batches = {{start_.global_batch, now.compute_seconds + now.all_reduce_seconds}};
    for (const auto& settings : batches_) {
      if (!has_time(2 + kTriesMax, stores_.size() + 2)) continue;
      options_.progress(fmt::format("the model alone, batches of {}", settings.global_batch));
      const ModelRate rate = model_rate(settings);
      measured_.batches.push_back(
          {settings.global_batch, rate.compute_seconds + rate.all_reduce_seconds});
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

  TrainSummary train(const Settings& settings, bool held_batch) {
    const auto begin = options_.now();
    const TrainSummary summary = options_.train(settings, trial(held_batch));
    start_seconds_ = std::max(0.0, Seconds(options_.now() - begin - each_).count());
    if (summary.samples == 0 || summary.seconds.total <= 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("no step ended within {:.1f} s; give more {}", each_.count(),
                              option_name("seconds")));
    }
    return summary;
  }

  ModelRate model_rate(const Settings& settings) {
    Settings held = settings;  // in an order that reads few blocks for its first batch
    held.lanes = static_cast<std::uint32_t>(settings.ranks);
    held.window = 1;
    const TrainSummary summary = train(held, true);
    const auto samples = static_cast<double>(summary.samples);
    const TrainSeconds& seconds = summary.seconds;
    return {.ranks = settings.ranks,
            .threads = settings.threads,
            .data_parallel = settings.data_parallel,
            .compute_seconds = (seconds.total - seconds.all_reduce) / samples,
            .all_reduce_seconds = seconds.all_reduce / samples,
            .cpu_seconds = settings.ranks * summary.cpu_seconds / samples};
  }

  Tried attempt(const Candidate& candidate) {
    const Settings& settings = candidate.settings;
    options_.progress(fmt::format("a run of {} x {} threads", settings.ranks, settings.threads));
    const TrainSummary summary = train(settings, false);
    return {.candidate = candidate,
            .samples_per_second = static_cast<double>(summary.samples) / summary.seconds.total,
            .wait_share = summary.seconds.wait / summary.seconds.total};
  }

  AdviceFacts facts_of(const TuneResult& result, const SearchOptions& as_asked) const {
    AdviceFacts facts{.start = start_,
                      .chosen = result.chosen().candidate,
                      .blocks = blocks_.size(),
                      .bytes = bytes_,
                      .is_cassandra = is_cassandra(),
                      .is_row_table = !store_->is_immutable(),
                      .is_cached = options_.connection.cache_dir.has_value(),
                      .replicas = options_.replicas};
    if (is_cassandra()) {
      facts.read = resolve_connection(url_, options_.connection).read_consistency;
    }
    if (options_.tune_order) return facts;
    SearchOptions with_orders = as_asked;
    with_orders.orders = orders();
    const Proposals others = search(measured_, with_orders);
    if (others.better.empty()) return facts;
    const Settings& best = others.better.front().settings;
    if (best.lanes != start_.lanes || best.window != start_.window)
      facts.other_order = others.better.front();
    return facts;
  }

  const TuneOptions& options_;
  const Url url_;
  const std::shared_ptr<Store> store_;
  const std::shared_ptr<const Dataset> dataset_;
  const std::vector<ColumnSpec> columns_;
  const Steps steps_;
  const std::chrono::steady_clock::time_point begin_;
  const int cores_;
  std::vector<BlockInfo> blocks_;
  std::uint64_t bytes_ = 0;
  std::uint64_t overhead_ = 0;
  std::uint64_t memory_ = 0;
  Settings start_;
  std::vector<Settings> models_;
  std::vector<Settings> batches_;
  std::vector<Settings> stores_;
  std::map<std::tuple<int, std::uint32_t, std::uint32_t>, std::optional<Needs>> needs_;
  Seconds each_{};
  double start_seconds_ = kStartSeconds;  ///< of the run before
  std::size_t left_out_ = 0;
  Measured measured_;
};

}  // namespace

TuneResult tune(const TuneOptions& options) { return Tuner(options).run(); }

}  // namespace ringfeed::tune
