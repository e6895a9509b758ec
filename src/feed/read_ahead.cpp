// The store's own threads only mark blocks as arrived; asking and letting go is done by the thread
// that draws.
#include "feed/read_ahead.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ringfeed/error.hpp>
#include <utility>

#include "feed/budget.hpp"
#include "feed/stopped.hpp"

namespace ringfeed {

ReadAhead::ReadAhead(std::shared_ptr<const Dataset> dataset, const FeedOptions& options,
                     const Selection& selection, std::unique_ptr<BlockReader> reader,
                     std::uint64_t blocks_bytes)
    : dataset_(std::move(dataset)),
      options_(options),
      selection_(selection),
      reader_(std::move(reader)),
      blocks_(reader_->blocks()),
      blocks_bytes_(blocks_bytes) {
  block_samples_.reserve(blocks_.size());
  for (const auto& block : blocks_) block_samples_.push_back(block.samples);
  epochs_.push_back(make_epoch(options_.start));
}

ReadAhead::~ReadAhead() {
  reader_.reset();  // its threads touch the slots until here
}

std::shared_ptr<OpenEpoch> ReadAhead::make_epoch(const Position& start) const {
  auto made = std::make_shared<OpenEpoch>();
  made->epoch = std::make_shared<const Epoch>(block_samples_, options_.order, start.epoch);
  made->order = RankOrder::make(made->epoch, options_.rank, options_.world_size, start.samples);
  made->plan = ReadPlan::make(made->epoch, options_.rank, options_.world_size, start.samples);
  made->next_block = made->plan->next();
  made->slots.resize(blocks_.size());
  return made;
}

bool ReadAhead::epoch_wanted(std::uint64_t number) const {
  return options_.epochs == 0 || number < options_.start.epoch + options_.epochs;
}

bool ReadAhead::next_epoch() {
  const std::shared_ptr<OpenEpoch> ended = std::move(epochs_.front());
  epochs_.pop_front();
  // Blocks that the order never reported as finished: those still open at the end of shuffle=none
  // and full.
  for (std::uint32_t block = 0; block < ended->slots.size(); ++block) {
    if (ended->slots[block]) drawn_.push_back({next_copy_, ended, block});
  }
  const std::uint64_t next = ended->epoch->number() + 1;
  if (!epoch_wanted(next)) return false;
  if (epochs_.empty()) epochs_.push_back(make_epoch({next, 0}));
  advance();
  return true;
}

void ReadAhead::advance() {
  let_go_copied();
  ask_ahead();
}

void ReadAhead::let_go_copied() {
  const std::uint64_t copied = copied_.load(std::memory_order_acquire);
  for (; !drawn_.empty() && drawn_.front().copies <= copied; drawn_.pop_front()) {
    auto& slot = drawn_.front().epoch->slots[drawn_.front().block];
    if (!slot) continue;  // it was reported as finished, and was still there at the epoch's end
    held_bytes_ -= slot->cost;
    slot.reset();
  }
}

/// As far ahead as the budget lets, into the next epoch too.
void ReadAhead::ask_ahead() {
  is_full_ = false;
  while (!epochs_.empty()) {
    OpenEpoch& last = *epochs_.back();
    if (!last.next_block) {
      if (epochs_.size() == 2 || !epoch_wanted(last.epoch->number() + 1)) return;
      epochs_.push_back(make_epoch({last.epoch->number() + 1, 0}));
      if (!epochs_.back()->next_block) return;  // an epoch without samples
      continue;
    }
    const std::uint32_t block = *last.next_block;
    const std::uint64_t cost = cost_of(blocks_[block]);
    is_full_ = held_bytes_ + cost > blocks_bytes_;
    if (is_full_) return;
    ask(last, block, cost);
    last.next_block = last.plan->next();
  }
}

void ReadAhead::ask(OpenEpoch& epoch, std::uint32_t block, std::uint64_t cost) {
  auto slot = std::make_unique<BlockSlot>();
  slot->cost = cost;
  slot->bytes = blocks_[block].bytes;
  slot->asked = TimeHistogram::Clock::now();
  BlockSlot* raw = slot.get();
  epoch.slots[block] = std::move(slot);
  held_bytes_ += cost;
  held_bytes_max_ = std::max(held_bytes_.load(), held_bytes_max_.load());
  blocks_read_.add();
  reader_->read(block, [this, raw, block](Chunk chunk, std::exception_ptr failure) {
    arrive(*raw, block, chunk, failure);
  });
}

/// On a thread of the store.
void ReadAhead::arrive(BlockSlot& slot, std::uint32_t block, const Chunk& chunk,
                       std::exception_ptr failure) noexcept {
  answering_.record(TimeHistogram::Clock::now() - slot.asked);
  if (!failure) {
    bytes_read_.add(slot.bytes);
    try {
      if (chunk.samples() != block_samples_[block]) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("{}: the store gave block {} with {} samples, and not {}",
                                dataset_->url(), block, chunk.samples(), block_samples_[block]));
      }
      const CheckMeter::Span span(decoding_);
      slot.block = selection_.open(chunk);
    } catch (...) {
      failure = std::current_exception();
    }
  }
  slot.error = std::move(failure);
  // The waiting side must not miss it between its check and its wait.
  const std::lock_guard lock(mutex_);
  slot.arrived.store(true, std::memory_order_release);
  ++events_;
  changed_.notify_one();
}

bool ReadAhead::window_arrived() const {
  const OpenEpoch& epoch = *epochs_.front();
  return std::ranges::all_of(epoch.order->needed(), [&](std::uint32_t block) {
    return epoch.slots[block] && epoch.slots[block]->arrived.load(std::memory_order_acquire);
  });
}

void ReadAhead::open_window(const std::stop_token& stop) {
  while (!window_arrived()) {
    std::uint64_t seen;
    {
      const std::lock_guard lock(mutex_);
      seen = events_;
    }
    advance();
    if (window_arrived()) break;
    check_asked();
    wait(seen, stop);
  }
  OpenEpoch& epoch = *epochs_.front();
  for (const auto block : epoch.order->needed()) {
    if (epoch.slots[block]->error) std::rethrow_exception(epoch.slots[block]->error);
  }
  epoch.order->open();
}

/// After advance(): that what is needed was asked for, or will be.
void ReadAhead::check_asked() const {
  const OpenEpoch& epoch = *epochs_.front();
  for (const auto block : epoch.order->needed()) {
    if (epoch.slots[block] || !drawn_.empty()) continue;
    throw Error(ErrorCode::kInternal,
                fmt::format("block {} does not fit the budget of {} bytes, {} are held; please "
                            "report this",
                            block, blocks_bytes_, held_bytes_.load()));
  }
}

/// Until something happened after these events.
void ReadAhead::wait(std::uint64_t seen, const std::stop_token& stop) {
  const TimeHistogram::Span span(waiting_);
  std::optional<TimeHistogram::Span> idle;
  if (is_full_ && reader_->has_room()) idle.emplace(idling_);
  std::unique_lock lock(mutex_);
  const bool changes = changed_.wait_for(lock, options_.read_timeout,
                                         [&] { return stop.stop_requested() || events_ != seen; });
  if (stop.stop_requested()) throw Stopped{};
  if (changes) return;
  throw Error(ErrorCode::kTimeout,
              fmt::format("{}: no answer to any read for {} s", dataset_->url(),
                          std::chrono::duration<double>(options_.read_timeout).count()));
}

std::uint64_t ReadAhead::begin_copy() {
  const std::uint64_t copy = next_copy_++;
  finished_.clear();
  epochs_.front()->order->finished(finished_);
  for (const auto block : finished_) drawn_.push_back({next_copy_, epochs_.front(), block});
  const std::lock_guard lock(mutex_);
  copies_ended_.push_back(false);
  return copy;
}

void ReadAhead::end_copy(std::uint64_t copy) noexcept {
  const std::lock_guard lock(mutex_);
  copies_ended_[copy - copied_.load(std::memory_order_relaxed)] = true;
  for (; !copies_ended_.empty() && copies_ended_.front(); copies_ended_.pop_front())
    copied_.fetch_add(1, std::memory_order_release);
  ++events_;
  changed_.notify_one();
}

void ReadAhead::add_meters(Meters& meters) const {
  meters.push_back(answering_.meter("ringfeed_block_seconds",
                                    "From asking the store for a block to having it, decoded."));
  meters.push_back(counter_meter("ringfeed_blocks_total", "Blocks that were asked of the store.",
                                 blocks_read_.value()));
  meters.push_back(counter_meter("ringfeed_block_bytes_total",
                                 "Bytes of the blocks that were read.", bytes_read_.value()));
  meters.push_back(waiting_.meter("ringfeed_store_wait_seconds",
                                  "Waits of the assembling threads for blocks of the store."));
  meters.push_back(idling_.meter("ringfeed_budget_wait_seconds",
                                 "Of these, waits while the bound of what the feed holds kept a "
                                 "store idle that could have read more."));
  meters.push_back(gauge_meter("ringfeed_held_bytes",
                               "Bytes of blocks that are asked for or held now.",
                               static_cast<double>(held_bytes_.load())));
  meters.push_back(gauge_meter("ringfeed_held_bytes_max", "The most that these were.",
                               static_cast<double>(held_bytes_max_.load())));
  decoding_.add_to(meters, {{"part", "decode"}});
  reader_->add_meters(meters);
}

void ReadAhead::wake() {
  const std::lock_guard lock(mutex_);
  changed_.notify_one();
}

}  // namespace ringfeed
