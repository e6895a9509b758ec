// The feed: reads a data set ahead of the trainer, in the order of docs/ordering.md, and hands out
// batches.
//
//   auto data = ringfeed::Dataset::open("digits.ring?split=train");
//   ringfeed::Feed feed(data, {.order = {.seed = 7, .global_batch = 256}});
//   while (auto batch = feed.next()) train_on(batch->column("image").as<float>(), batch->size);
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ringfeed/batch.hpp>
#include <ringfeed/dataset.hpp>
#include <ringfeed/meters.hpp>
#include <ringfeed/order.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Position in training between two steps: the samples of an epoch that all ranks together have
/// handed out.
struct Position {
  std::uint64_t epoch = 0;
  std::uint64_t samples = 0;
  bool operator==(const Position&) const = default;
};

/// Returns the position, and all that the order it is in depends on, as a small JSON object in one
/// line (docs/ordering.md). It fits any number of ranks.
std::string encode_position(const Position& position, const Dataset& dataset,
                            const OrderOptions& order);
/// Reads a position. Throws Error{kInvalidArgument} that names the difference when it is a position
/// in another order or data set, and when it is inside a step; Error{kBadData} when it is not a
/// position.
Position decode_position(std::string_view json, const Dataset& dataset, const OrderOptions& order);

/// Options of a Feed.
struct FeedOptions {
  OrderOptions order;
  int rank = 0;
  int world_size = 1;
  /// Epochs to read, from start.epoch on; 0: without end.
  std::uint64_t epochs = 1;
  Position start = {};
  /// Columns to hand out, in this order; empty: all.
  std::vector<std::string> columns = {};
  /// Columns of pictures that become tensors on their way into a batch: by name the steps, as
  /// ImageSteps::parse() takes them. What is random in them depends on seed, epoch and the sample's
  /// number alone.
  std::map<std::string, std::string> decode = {};
  /// Threads that do it, 0 to 256: with `decode` there are at least as many assembling threads. 0:
  /// the cores of this process.
  int decode_threads = 0;
  /// Bound in bytes of everything that this feed holds (blocks, indices, batches). 0: 256 MiB, or
  /// floor + 128 MiB when that is more. Below floor + 2 blocks: Error{kInvalidArgument} that names
  /// the floor and the remedy.
  std::uint64_t prefetch_bytes = 0;
  /// Threads that check and decode blocks, 1 to 256 for each column group that is read.
  int read_threads = 1;
  /// Threads that copy samples into batches, 1 to 256, each one batch at a time. The thread that
  /// takes batches does it, too, instead of waiting for one.
  int assemble_threads = 1;
  /// Longest wait for the store without any answer; then next() throws Error{kTimeout}. Stores have
  /// shorter ones of their own.
  std::chrono::milliseconds read_timeout = std::chrono::minutes(2);
  /// Makes the memory of a batch's fixed-size columns instead of the feed, as pinned memory for a
  /// GPU: at least `bytes`, 64-byte aligned. Called on the assembling threads and on the one that
  /// takes batches; what it throws, next() throws.
  std::function<std::shared_ptr<void>(std::size_t bytes)> allocate = {};
  /// Fills Batch::samples and Batch::hashes, which a Ledger needs.
  bool track_samples = false;
};

/// Times and memory of a feed since it was made.
struct FeedStats {
  std::uint64_t samples = 0;      ///< handed out
  std::uint64_t batches = 0;      ///< handed out
  std::uint64_t blocks_read = 0;  ///< asked of the store
  double wait_seconds = 0;        ///< time in which next() and wait_for() had no batch
  double assemble_seconds = 0;    ///< time that all threads spent copying samples
  double store_seconds = 0;       ///< time that the assembling threads waited for blocks
  double budget_seconds = 0;  ///< part of store_seconds: the budget kept an idle store from reading
  double check_seconds = 0;   ///< time that the store's threads spent checking and decoding
  double disk_seconds = 0;    ///< part of check_seconds not on a core, mostly waiting for the disk
  std::uint64_t held_bytes_max = 0;  ///< the most it held at once, by its own count
  std::uint64_t prefetch_bytes = 0;  ///< the budget in force
  std::uint64_t floor_bytes = 0;     ///< the least that this order needs
};

/// Returns the figures among the meters of a feed.
FeedStats stats_of(std::span<const Meter> meters);

/// Feed of one rank. next() and wait_for() are called by one thread at a time; the rest is
/// thread-safe.
class Feed {
 public:
  /// Throws Error{kInvalidArgument} when an option does not fit: batch size 0 or below the number
  /// of ranks, fewer samples than ranks, an unknown column, a budget below the floor, shuffle=full
  /// with a data set above the budget.
  Feed(std::shared_ptr<const Dataset> dataset, FeedOptions options);
  ~Feed();
  Feed(Feed&&) noexcept;
  Feed& operator=(Feed&&) noexcept;

  /// The next batch of this rank; nothing at the end of each epoch (call again for the next one)
  /// and for good after the last. Throws Error of the store: the feed is of no use after that.
  std::optional<Batch> next();

  /// Waits until next() would return, or throw, at once: up to `timeout`, beside the time in which
  /// this thread assembles a batch itself. Returns whether it would.
  bool wait_for(std::chrono::milliseconds timeout);

  /// Position after the batch that next() gave last. Counts what was handed out, never what was
  /// read ahead.
  Position position() const;
  /// The steps of each epoch.
  const Steps& steps() const noexcept;
  /// All that the feed and its store measure, since the feed was made (docs/meters.md).
  Meters meters() const;
  /// The meters in short.
  FeedStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringfeed
