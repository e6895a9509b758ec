// The feed. Its assembling threads take turns in drawing steps in their order (reading ahead as
// they do), copy them beside one another, and fill places of a queue that next() takes from on the
// caller's thread. That one, where it would wait, assembles steps as well.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <numeric>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/background.hpp"
#include "base/meter.hpp"
#include "base/option.hpp"
#include "feed/budget.hpp"
#include "feed/decoded_columns.hpp"
#include "feed/gather.hpp"
#include "feed/read_ahead.hpp"
#include "feed/ready_queue.hpp"
#include "feed/stopped.hpp"

namespace ringfeed {
namespace {

/// The step that a thread assembles.
struct StepInHand {
  StepInHand(const DecodedColumns& columns, const std::shared_ptr<BufferPool>& pool, bool hashes)
      : gather(columns, pool, hashes) {}

  Batch batch;
  Gather gather;
  std::shared_ptr<OpenEpoch> epoch;
  std::vector<SampleRef> refs;  ///< drawn, not yet copied
  std::uint64_t copy = 0;
  ReadyQueue::Item* place = nullptr;
  std::vector<SampleSource> sources;  ///< kept for its memory
};

}  // namespace

struct Feed::Impl {
  Impl(std::shared_ptr<const Dataset> dataset_in, FeedOptions options_in)
      : dataset(std::move(dataset_in)),
        options(with_decode_threads(std::move(options_in))),
        selection(dataset->schema(), options.columns),
        columns(selection.columns(), options.decode),
        steps(dataset->size(), options.order),
        step(steps.step_at(options.start.samples)) {
    check_bounds("read-threads", options.read_threads);
    auto reader = dataset->reader(options.read_threads, selection.places());
    const auto blocks = reader->blocks();
    if (options.track_samples || columns.any()) {
      block_starts.resize(blocks.size());
      std::transform_exclusive_scan(blocks.begin(), blocks.end(), block_starts.begin(),
                                    std::uint64_t{0}, std::plus<>(),
                                    [](const BlockInfo& block) { return block.samples; });
    }
    budget = plan_budget(options, blocks, columns.columns(), reader->overhead_bytes());
    handed.position = options.start;
    // A buffer each of those that wait, and of one that the caller has and one more.
    pool = std::make_shared<BufferPool>(budget.places + 2, options.allocate);
    queue.emplace(budget.places, budget.places_low);
    callers.emplace(columns, pool, options.track_samples);
    ahead.emplace(dataset, options, selection, std::move(reader), budget.blocks_bytes);
    try {
      for (int i = 0; i < options.assemble_threads; ++i)
        assemblers.emplace_back([this] { assemble(); });
    } catch (...) {
      end();
      throw;
    }
  }

  ~Impl() { end(); }

  void end() {
    stop.request_stop();
    queue->wake();
    ahead->wake();
    assemblers.clear();
  }

  // ---- the assembling threads ----

  void assemble() noexcept {
    run_in_background();  // not to take the core of a rank that has just taken a batch
    StepInHand hand(columns, pool, options.track_samples);
    while (draw(hand)) finish(hand);
  }

  /// Draws the next step, its last part not yet copied; false when there is none.
  bool draw(StepInHand& hand) {
    const std::lock_guard turn(drawing);
    return draw_with(hand, [&] { return find_step(); });
  }

  /// In turn: the next step, if `find` says so.
  template <typename Find>
  bool draw_with(StepInHand& hand, const Find& find) {
    hand.place = nullptr;
    try {
      if (!find()) return false;
      hand.place = &queue->take_place(stop.get_token());
      draw_step(hand);
      ++step;
      return true;
    } catch (const Stopped&) {
      over = true;
    } catch (...) {
      over = true;
      fail(hand.place, std::current_exception());
    }
    return false;
  }

  /// Copies what is left of it, and fills its place.
  void finish(StepInHand& hand) noexcept {
    try {
      copy(hand);
      hand.batch.columns = hand.gather.finish();
      hand.batch.hashes = hand.gather.take_hashes();
      queue->fill(*hand.place, std::move(hand.batch));
    } catch (...) {
      over = true;
      queue->fill(*hand.place, std::current_exception());
    }
    ahead->end_copy(hand.copy);
  }

  /// False after the last. Notes the ends of epochs on the way.
  bool find_step() {
    ahead->advance();
    while (!over && step == steps.count()) {
      queue->push(ReadyQueue::EpochEnd{}, stop.get_token());
      step = 0;
      if (ahead->next_epoch()) continue;
      queue->push(ReadyQueue::End{}, stop.get_token());
      over = true;
    }
    return !over;
  }

  void fail(ReadyQueue::Item* place, std::exception_ptr error) {
    try {
      if (place == nullptr) place = &queue->take_place(stop.get_token());
      queue->fill(*place, std::move(error));
    } catch (const Stopped&) {
      // Nobody waits for it.
    }
  }

  void draw_step(StepInHand& hand) {
    hand.epoch = ahead->epoch();
    RankOrder& order = *hand.epoch->order;
    const std::uint64_t end = steps.begin(step + 1);
    Batch& batch = hand.batch;
    batch = {};
    batch.epoch = static_cast<std::int64_t>(hand.epoch->epoch->number());
    batch.step = static_cast<std::int64_t>(step);
    batch.first = steps.begin(step);
    batch.global_size = static_cast<std::int64_t>(steps.size(step));
    batch.size = static_cast<std::int64_t>(order.count(batch.first, end));
    batch.weight = static_cast<double>(batch.size) * options.world_size /
                   static_cast<double>(batch.global_size);
    if (options.track_samples) batch.samples.reserve(static_cast<std::size_t>(batch.size));
    hand.gather.begin(static_cast<std::uint64_t>(batch.size),
                      {options.order.seed, static_cast<std::uint64_t>(batch.epoch)});
    while (!draw_arrived()) {
      // What was drawn is copied first, so that the blocks it is finished with make room for the
      // ones needed now.
      hand.refs.swap(drawn);
      const std::uint64_t part = ahead->begin_copy();
      copy(hand);
      ahead->end_copy(part);
      ahead->open_window(stop.get_token());
    }
    hand.refs.swap(drawn);
    hand.copy = ahead->begin_copy();
  }

  /// Draws what is left of the step; false when the blocks of the next window are not there yet.
  bool draw_arrived() {
    while (!ahead->epoch()->order->draw(steps.begin(step + 1), drawn)) {
      if (!ahead->window_arrived()) return false;
      ahead->open_window(stop.get_token());
    }
    return true;
  }

  void copy(StepInHand& hand) {
    const TimeHistogram::Span span(assembling);
    hand.sources.clear();
    for (const auto& ref : hand.refs) {
      const std::uint64_t number = block_starts.empty() ? 0 : block_starts[ref.block] + ref.row;
      hand.sources.push_back({&hand.epoch->slots[ref.block]->block, ref.row, number});
    }
    hand.gather.append(hand.sources);
    if (options.track_samples) {
      for (const auto& source : hand.sources) hand.batch.samples.push_back(source.number);
    }
    hand.refs.clear();
  }

  // ---- the caller's thread ----

  /// Until the next batch is there: assembles what it can without waiting itself.
  void help() {
    const TimeHistogram::Span span(helping);
    while (!queue->ready()) {
      std::unique_lock turn(drawing, std::try_to_lock);
      if (!turn || !draw_with(*callers, [&] { return can_help(); })) return;
      turn.unlock();
      finish(*callers);
    }
  }

  /// Asks for no block, as a store may make whoever asks for much wait: the other threads do that.
  bool can_help() { return !over && step != steps.count() && queue->has_room() && draw_arrived(); }

  bool wait_for(std::chrono::milliseconds timeout) {
    if (queue->ready()) return true;
    if (timeout.count() <= 0) return false;
    help();
    return queue->wait_for(timeout);
  }

  std::optional<Batch> next() {
    if (!queue->ready()) help();
    ReadyQueue::Item item = queue->take();
    if (const auto* error = std::get_if<std::exception_ptr>(&item)) std::rethrow_exception(*error);
    if (std::holds_alternative<ReadyQueue::End>(item)) return std::nullopt;
    const std::lock_guard lock(handed_mutex);
    if (std::holds_alternative<ReadyQueue::EpochEnd>(item)) {
      handed.position = {handed.position.epoch + 1, 0};
      return std::nullopt;
    }
    Batch& batch = std::get<Batch>(item);
    handed.position = {static_cast<std::uint64_t>(batch.epoch),
                       batch.first + static_cast<std::uint64_t>(batch.global_size)};
    handed.samples += static_cast<std::uint64_t>(batch.size);
    ++handed.batches;
    return std::move(batch);
  }

  Meters meters() const {
    Meters meters;
    {
      const std::lock_guard lock(handed_mutex);
      meters.push_back(counter_meter("ringfeed_samples_total", "Samples that this rank was handed.",
                                     handed.samples));
      meters.push_back(counter_meter("ringfeed_batches_total", "Batches that this rank was handed.",
                                     handed.batches));
    }
    meters.push_back(helping.meter(
        "ringfeed_help_seconds", "Assembling by the training thread, where it would have waited."));
    meters.push_back(assembling.meter("ringfeed_assemble_seconds",
                                      "Copying the samples of a batch, on any thread."));
    const auto gauge = [&](const char* name, const char* help, std::uint64_t bytes) {
      meters.push_back(gauge_meter(name, help, static_cast<double>(bytes)));
    };
    gauge("ringfeed_prefetch_bytes", "Bound of what the feed holds.", budget.bytes);
    gauge("ringfeed_floor_bytes", "The least that the order needs it to be.", budget.floor_bytes);
    queue->add_meters(meters);
    ahead->add_meters(meters);
    return meters;
  }

  struct Handed {
    Position position;
    std::uint64_t samples = 0;
    std::uint64_t batches = 0;
  };

  const std::shared_ptr<const Dataset> dataset;
  const FeedOptions options;
  const Selection selection;
  const DecodedColumns columns;
  const Steps steps;
  /// The first sample of each, where samples are tracked or decoded.
  std::vector<std::uint64_t> block_starts;
  Budget budget;
  std::shared_ptr<BufferPool> pool;

  std::mutex drawing;  ///< whose turn it is to draw
  // By turns:
  std::uint64_t step;            ///< to be drawn next
  std::vector<SampleRef> drawn;  ///< of that step, by nobody's hand yet
  std::optional<ReadAhead> ahead;
  std::optional<ReadyQueue> queue;
  std::atomic<bool> over = false;  ///< nothing is drawn any more
  TimeHistogram assembling;
  std::stop_source stop;

  // The caller's thread:
  std::optional<StepInHand> callers;
  TimeHistogram helping;

  mutable std::mutex handed_mutex;
  Handed handed;

  std::vector<std::jthread> assemblers;  ///< last: they use all of the above
};

Feed::Feed(std::shared_ptr<const Dataset> dataset, FeedOptions options)
    : impl_(std::make_unique<Impl>(std::move(dataset), std::move(options))) {}
Feed::~Feed() = default;
Feed::Feed(Feed&&) noexcept = default;
Feed& Feed::operator=(Feed&&) noexcept = default;

std::optional<Batch> Feed::next() { return impl_->next(); }
bool Feed::wait_for(std::chrono::milliseconds timeout) { return impl_->wait_for(timeout); }
const Steps& Feed::steps() const noexcept { return impl_->steps; }
Meters Feed::meters() const { return impl_->meters(); }

FeedStats Feed::stats() const { return stats_of(impl_->meters()); }

FeedStats stats_of(std::span<const Meter> meters) {
  const auto whole = [&](std::string_view name) {
    return static_cast<std::uint64_t>(sum_of(meters, name));
  };
  FeedStats stats;
  stats.samples = whole("ringfeed_samples_total");
  stats.batches = whole("ringfeed_batches_total");
  stats.blocks_read = whole("ringfeed_blocks_total");
  stats.wait_seconds =
      sum_of(meters, "ringfeed_queue_empty_seconds") + sum_of(meters, "ringfeed_help_seconds");
  stats.assemble_seconds = sum_of(meters, "ringfeed_assemble_seconds");
  stats.store_seconds = sum_of(meters, "ringfeed_store_wait_seconds");
  stats.budget_seconds = sum_of(meters, "ringfeed_budget_wait_seconds");
  stats.check_seconds = sum_of(meters, "ringfeed_check_seconds");
  stats.disk_seconds = sum_of(meters, "ringfeed_check_wait_seconds_total");
  stats.held_bytes_max = whole("ringfeed_held_bytes_max");
  stats.prefetch_bytes = whole("ringfeed_prefetch_bytes");
  stats.floor_bytes = whole("ringfeed_floor_bytes");
  return stats;
}

Position Feed::position() const {
  const std::lock_guard lock(impl_->handed_mutex);
  return impl_->handed.position;
}

}  // namespace ringfeed
