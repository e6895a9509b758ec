// The feed. Two sides meet in a queue of assembled batches: next() on the caller's thread, and one
// assembling thread that asks the store for blocks in the order of need, waits for those that the
// next window needs, gathers, and lets finished blocks go. The store's own threads only mark blocks
// as arrived.
//
// It cannot get stuck: blocks are asked for in the order in which their windows open, a block is
// let go with its last sample, and the budget holds all windows that can be open at once; so the
// block that is waited for has always been asked for.
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <thread>
#include <utility>

#include "base/background.hpp"
#include "feed/budget.hpp"
#include "feed/gather.hpp"
#include "order/rank_order.hpp"

namespace ringfeed {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Ends the assembling thread from inside; never leaves it.
struct Stopped {};

/// A block asked of the store.
struct Slot {
  OpenBlock block;
  std::uint64_t cost = 0;
  std::exception_ptr error;  ///< set before `arrived`
  std::atomic<bool> arrived = false;
};

/// What next() gives: a batch, or the end of an epoch.
struct Ready {
  Batch batch;
  bool epoch_end = false;
};

/// An epoch that is being read or drawn.
struct EpochState {
  std::shared_ptr<const Epoch> epoch;
  std::unique_ptr<RankOrder> order;
  std::unique_ptr<ReadPlan> plan;
  std::optional<std::uint32_t> next_block;   ///< taken from the plan, not yet asked for
  std::vector<std::unique_ptr<Slot>> slots;  ///< by block
};

/// A bound of the bytes of this rank's largest batch. Varying columns: by the fullest block.
std::uint64_t batch_bytes_max(const FeedOptions& options, std::span<const BlockInfo> blocks,
                              const Steps& steps, const Gather& gather, bool varying) {
  if (steps.count() == 0) return 0;
  const std::uint64_t largest = std::max(steps.size(0), steps.size(steps.count() - 1));
  const auto ranks = static_cast<std::uint64_t>(options.world_size);
  const std::uint64_t lanes_of_rank = (steps.lanes() + ranks - 1) / ranks;
  const std::uint64_t samples =
      std::min(steps.samples(),
               std::max((largest / steps.lanes() + 1) * lanes_of_rank, largest / ranks + 1));
  std::uint64_t bytes = gather.fixed_bytes(samples);
  if (varying) {
    double fullest = 0;
    for (const auto& block : blocks) {
      if (block.samples > 0)
        fullest = std::max(fullest, static_cast<double>(block.bytes) / block.samples);
    }
    bytes += static_cast<std::uint64_t>(2 * fullest * static_cast<double>(samples));
  }
  return bytes;
}

}  // namespace

struct Feed::Impl {
  Impl(std::shared_ptr<const Dataset> dataset_in, FeedOptions options_in)
      : dataset(std::move(dataset_in)),
        options(std::move(options_in)),
        selection(dataset->schema(), options.columns),
        columns(selection.columns()),
        pool(std::make_shared<BufferPool>(kFreeBuffersMax)),
        gather(columns, pool),
        position(options.start),
        steps(dataset->size(), options.order) {
    if (options.read_threads < 1 || options.read_threads > 256) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("read threads {}; must be 1 to 256", options.read_threads));
    }
    steps.step_at(options.start.samples);
    reader = dataset->reader(options.read_threads);
    blocks = reader->blocks();
    for (const auto& block : blocks) block_samples.push_back(block.samples);
    if (options.sample_numbers) {
      block_starts.resize(blocks.size());
      std::exclusive_scan(block_samples.begin(), block_samples.end(), block_starts.begin(),
                          std::uint64_t{0});
    }
    const bool varying = std::any_of(columns.begin(), columns.end(), [](const ColumnSpec& column) {
      return column.kind != ColumnKind::kTensor;
    });
    budget = plan_budget(options, blocks, batch_bytes_max(options, blocks, steps, gather, varying));
    epochs.push_back(make_epoch(options.start));  // here, so that wrong options are found here
    assembler = std::jthread([this](std::stop_token stop) { run(stop); });
  }

  ~Impl() {
    assembler.request_stop();
    {
      const std::lock_guard lock(mutex);
      changed.notify_one();
    }
    assembler.join();
    reader.reset();  // its threads touch the slots until here
  }

  EpochState make_epoch(const Position& start) const {
    EpochState state;
    state.epoch = std::make_shared<const Epoch>(block_samples, options.order, start.epoch);
    state.order = RankOrder::make(state.epoch, options.rank, options.world_size, start.samples);
    state.plan = ReadPlan::make(state.epoch, options.rank, options.world_size, start.samples);
    state.next_block = state.plan->next();
    state.slots.resize(blocks.size());
    return state;
  }

  bool epoch_wanted(std::uint64_t number) const {
    return options.epochs == 0 || number < options.start.epoch + options.epochs;
  }

  // ---- the assembling thread ----

  void run(const std::stop_token& stop) noexcept {
    run_in_background();  // not to take the core of a rank that has just taken a batch
    try {
      for (std::uint64_t number = options.start.epoch; epoch_wanted(number); ++number) {
        if (epochs.empty()) epochs.push_back(make_epoch({number, 0}));
        assemble_epoch(stop);
        drop_front_epoch();
      }
      const std::lock_guard lock(mutex);
      finished = true;
      answered.notify_one();
    } catch (const Stopped&) {
      return;
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      answered.notify_one();
    }
  }

  void assemble_epoch(const std::stop_token& stop) {
    const std::uint64_t number = epochs.front().epoch->number();
    const std::uint64_t first =
        number == options.start.epoch ? steps.step_at(options.start.samples) : 0;
    ask_ahead();
    for (std::uint64_t step = first; step < steps.count(); ++step) {
      Batch batch = assemble_step(step, stop);
      batch.epoch = static_cast<std::int64_t>(number);
      hand_over({std::move(batch), false}, stop);
    }
    hand_over({{}, true}, stop);
  }

  Batch assemble_step(std::uint64_t step, const std::stop_token& stop) {
    EpochState& state = epochs.front();
    const std::uint64_t end = steps.begin(step + 1);
    Batch batch;
    batch.step = static_cast<std::int64_t>(step);
    batch.first = steps.begin(step);
    batch.global_size = static_cast<std::int64_t>(steps.size(step));
    batch.size = static_cast<std::int64_t>(state.order->count(batch.first, end));
    batch.weight = static_cast<double>(batch.size) * options.world_size /
                   static_cast<double>(batch.global_size);
    gather.begin(static_cast<std::uint64_t>(batch.size));
    if (options.sample_numbers) numbers.reserve(static_cast<std::size_t>(batch.size));
    refs.clear();
    while (!state.order->draw(end, refs)) {
      if (!all_arrived(state)) {
        // What was drawn is copied first, so that the blocks it is finished with make room for the
        // ones needed now.
        copy_drawn(state);
        wait_for_needed(state, stop);
      }
      check_needed(state);
      state.order->open();
    }
    copy_drawn(state);
    batch.columns = gather.finish();
    batch.samples = std::exchange(numbers, {});
    return batch;
  }

  void copy_drawn(EpochState& state) {
    const auto start = Clock::now();
    sources.clear();
    for (const auto& ref : refs) sources.push_back({&state.slots[ref.block]->block, ref.row});
    gather.append(sources);
    if (options.sample_numbers) {
      for (const auto& ref : refs) numbers.push_back(block_starts[ref.block] + ref.row);
    }
    refs.clear();
    assemble_nanoseconds += std::chrono::nanoseconds(Clock::now() - start).count();
    done_blocks.clear();
    state.order->finished(done_blocks);
    for (const auto block : done_blocks) let_go(state, block);
    if (!done_blocks.empty()) ask_ahead();
  }

  bool all_arrived(const EpochState& state) const {
    return std::ranges::all_of(state.order->needed(), [&](std::uint32_t block) {
      return state.slots[block] && state.slots[block]->arrived.load(std::memory_order_acquire);
    });
  }

  void wait_for_needed(const EpochState& state, const std::stop_token& stop) {
    for (const auto block : state.order->needed()) {
      if (!state.slots[block]) {
        throw Error(
            ErrorCode::kInternal,
            fmt::format(
                "block {} does not fit the budget of {} bytes, {} are held; please report this",
                block, budget.blocks_bytes, held_bytes.load()));
      }
    }
    const auto start = Clock::now();
    std::unique_lock lock(mutex);
    while (!all_arrived(state)) {
      const auto seen = arrivals;
      const bool changes = changed.wait_for(lock, options.read_timeout, [&] {
        return stop.stop_requested() || arrivals != seen;
      });
      if (stop.stop_requested()) throw Stopped{};
      if (changes) continue;
      throw Error(ErrorCode::kTimeout,
                  fmt::format("{}: no answer to any read for {} s", dataset->url(),
                              std::chrono::duration<double>(options.read_timeout).count()));
    }
    store_seconds += seconds_since(start);
  }

  static void check_needed(const EpochState& state) {
    for (const auto block : state.order->needed()) {
      if (state.slots[block]->error) std::rethrow_exception(state.slots[block]->error);
    }
  }

  /// Asks the store for blocks as far ahead as the budget lets, into the next epoch too.
  void ask_ahead() {
    while (true) {
      EpochState& last = epochs.back();
      if (!last.next_block) {
        if (epochs.size() == 2 || !epoch_wanted(last.epoch->number() + 1)) return;
        epochs.push_back(make_epoch({last.epoch->number() + 1, 0}));
        if (!epochs.back().next_block) return;  // an epoch without samples
        continue;
      }
      const std::uint32_t block = *last.next_block;
      const std::uint64_t cost = cost_of(blocks[block]);
      if (held_bytes.load(std::memory_order_relaxed) + cost > budget.blocks_bytes) return;
      ask(last, block, cost);
      last.next_block = last.plan->next();
    }
  }

  void ask(EpochState& state, std::uint32_t block, std::uint64_t cost) {
    auto slot = std::make_unique<Slot>();
    slot->cost = cost;
    Slot* raw = slot.get();
    state.slots[block] = std::move(slot);
    const std::uint64_t held = held_bytes.fetch_add(cost, std::memory_order_relaxed) + cost;
    held_bytes_max.store(std::max(held, held_bytes_max.load(std::memory_order_relaxed)),
                         std::memory_order_relaxed);
    blocks_read.fetch_add(1, std::memory_order_relaxed);
    reader->read(block, [this, raw, block](Chunk chunk, std::exception_ptr failure) {
      arrive(*raw, block, chunk, failure);
    });
  }

  /// On a thread of the store.
  void arrive(Slot& slot, std::uint32_t block, const Chunk& chunk,
              std::exception_ptr failure) noexcept {
    if (!failure) {
      try {
        if (chunk->num_rows() != block_samples[block]) {
          throw Error(ErrorCode::kBadData,
                      fmt::format("{}: the store gave block {} with {} samples, and not {}",
                                  dataset->url(), block, chunk->num_rows(), block_samples[block]));
        }
        slot.block = selection.open(chunk);
      } catch (...) {
        failure = std::current_exception();
      }
    }
    slot.error = std::move(failure);
    const std::lock_guard lock(
        mutex);  // the waiting side must not miss it between its check and its wait
    slot.arrived.store(true, std::memory_order_release);
    ++arrivals;
    changed.notify_one();
  }

  void let_go(EpochState& state, std::uint32_t block) {
    held_bytes.fetch_sub(state.slots[block]->cost, std::memory_order_relaxed);
    state.slots[block].reset();
  }

  /// Blocks that the order never reported as finished: those still open at the end of shuffle=none
  /// and full.
  void drop_front_epoch() {
    EpochState& state = epochs.front();
    for (std::uint32_t block = 0; block < state.slots.size(); ++block) {
      if (state.slots[block]) let_go(state, block);
    }
    epochs.pop_front();
  }

  /// A full queue is filled again once it is down to this: a wake-up for each batch would cost the
  /// caller more than a small step.
  std::size_t batches_low() const { return budget.ready_max / 2; }

  /// Waits for room with the batch in hand: so there is one to give as soon as there is room.
  void hand_over(Ready item, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    if (!item.epoch_end && batches_ready == budget.ready_max) {
      changed.wait(lock, [&] { return stop.stop_requested() || batches_ready <= batches_low(); });
    }
    if (stop.stop_requested()) throw Stopped{};
    if (!item.epoch_end) ++batches_ready;
    ready.push_back(std::move(item));
    answered.notify_one();
  }

  // ---- the caller's thread ----

  bool has_answer() const { return !ready.empty() || finished || error; }

  bool wait_for(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    if (has_answer() || timeout.count() <= 0) return has_answer();
    const auto start = Clock::now();
    const bool has = answered.wait_for(lock, timeout, [&] { return has_answer(); });
    wait_seconds += seconds_since(start);
    return has;
  }

  std::optional<Batch> next() {
    std::unique_lock lock(mutex);
    if (!has_answer()) {
      const auto start = Clock::now();
      answered.wait(lock, [&] { return has_answer(); });
      wait_seconds += seconds_since(start);
    }
    if (ready.empty()) {
      if (error) std::rethrow_exception(error);
      return std::nullopt;
    }
    Ready item = std::move(ready.front());
    ready.pop_front();
    if (item.epoch_end) {
      position = {position.epoch + 1, 0};
      return std::nullopt;
    }
    if (--batches_ready == batches_low()) changed.notify_one();
    const Batch& batch = item.batch;
    position = {static_cast<std::uint64_t>(batch.epoch),
                batch.first + static_cast<std::uint64_t>(batch.global_size)};
    samples += static_cast<std::uint64_t>(batch.size);
    ++batches;
    return std::move(item.batch);
  }

  FeedStats stats() const {
    const std::lock_guard lock(mutex);
    FeedStats stats;
    stats.samples = samples;
    stats.batches = batches;
    stats.blocks_read = blocks_read.load();
    stats.wait_seconds = wait_seconds;
    stats.assemble_seconds = static_cast<double>(assemble_nanoseconds.load()) * 1e-9;
    stats.store_seconds = store_seconds;
    stats.check_seconds = reader->check_seconds();
    stats.held_bytes_max = held_bytes_max.load();
    stats.prefetch_bytes = budget.bytes;
    stats.floor_bytes = budget.floor_bytes;
    return stats;
  }

  static constexpr std::size_t kFreeBuffersMax = 66;

  const std::shared_ptr<const Dataset> dataset;
  const FeedOptions options;
  const Selection selection;
  const std::vector<ColumnSpec> columns;
  const std::shared_ptr<BufferPool> pool;
  std::unique_ptr<BlockReader> reader;
  std::span<const BlockInfo> blocks;
  std::vector<std::uint32_t> block_samples;
  std::vector<std::uint64_t> block_starts;  ///< with sample_numbers: the first sample of each
  Budget budget;

  // Of the assembling thread.
  Gather gather;
  std::deque<EpochState> epochs;  ///< the one being drawn, and perhaps the one after it
  std::vector<SampleRef> refs;
  std::vector<SampleSource> sources;
  std::vector<std::uint64_t> numbers;  ///< of the batch's samples, with sample_numbers
  std::vector<std::uint32_t> done_blocks;

  std::atomic<std::uint64_t> held_bytes = 0;
  std::atomic<std::uint64_t> held_bytes_max = 0;
  std::atomic<std::uint64_t> blocks_read = 0;
  std::atomic<std::int64_t> assemble_nanoseconds = 0;

  mutable std::mutex mutex;
  std::condition_variable changed;   ///< for the assembling thread
  std::condition_variable answered;  ///< for the caller's
  std::deque<Ready> ready;
  std::size_t batches_ready = 0;  ///< in `ready`; ends of epochs take no room
  std::uint64_t arrivals = 0;     ///< of blocks
  bool finished = false;
  std::exception_ptr error;
  Position position;
  std::uint64_t samples = 0;
  std::uint64_t batches = 0;
  double wait_seconds = 0;
  double store_seconds = 0;
  const Steps steps;

  std::jthread assembler;  ///< last: it uses all of the above
};

Feed::Feed(std::shared_ptr<const Dataset> dataset, FeedOptions options)
    : impl_(std::make_unique<Impl>(std::move(dataset), std::move(options))) {}
Feed::~Feed() = default;
Feed::Feed(Feed&&) noexcept = default;
Feed& Feed::operator=(Feed&&) noexcept = default;

std::optional<Batch> Feed::next() { return impl_->next(); }
bool Feed::wait_for(std::chrono::milliseconds timeout) { return impl_->wait_for(timeout); }
const Steps& Feed::steps() const noexcept { return impl_->steps; }
FeedStats Feed::stats() const { return impl_->stats(); }

Position Feed::position() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->position;
}

}  // namespace ringfeed
