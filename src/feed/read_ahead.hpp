// Blocks ahead of need: asked of the store in the order in which their windows open, as far as the
// budget lets, and held until the samples that were drawn from them are copied.
//
// It cannot get stuck: a block is let go when its last sample is copied, and the budget holds all
// windows that can be open at once; so the block that is waited for has always been asked for, or
// will be when those are copied that are being copied now.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <ringfeed/feed.hpp>
#include <ringfeed/store.hpp>
#include <span>
#include <stop_token>
#include <vector>

#include "base/meter.hpp"
#include "feed/selection.hpp"
#include "order/rank_order.hpp"

namespace ringfeed {

/// A block asked of the store.
struct BlockSlot {
  OpenBlock block;
  std::uint64_t cost = 0;
  std::uint32_t bytes = 0;  ///< of the block; a reader that ends no longer has its list
  TimeHistogram::Clock::time_point asked;
  std::exception_ptr error;  ///< set before `arrived`
  std::atomic<bool> arrived = false;
};

/// An epoch that is being read or drawn.
struct OpenEpoch {
  std::shared_ptr<const Epoch> epoch;
  std::unique_ptr<RankOrder> order;
  std::unique_ptr<ReadPlan> plan;
  std::optional<std::uint32_t> next_block;        ///< taken from the plan, not yet asked for
  std::vector<std::unique_ptr<BlockSlot>> slots;  ///< by block
};

/// For one thread at a time, but for end_copy(), wake() and the figures.
class ReadAhead {
 public:
  /// `options` and `selection` must outlive it. Opens the first epoch.
  ReadAhead(std::shared_ptr<const Dataset> dataset, const FeedOptions& options,
            const Selection& selection, std::unique_ptr<BlockReader> reader,
            std::uint64_t blocks_bytes);
  ~ReadAhead();

  /// The one that is drawn. Whoever copies from its blocks keeps it.
  const std::shared_ptr<OpenEpoch>& epoch() const { return epochs_.front(); }
  /// Goes on to the next; false after the last, and then epoch() is of no use.
  bool next_epoch();

  /// Lets go of what was copied, and asks for more.
  void advance();
  /// Whether open_window() would not wait.
  bool window_arrived() const;
  /// Waits for the blocks of the order's next window and opens it. Throws what the store said of
  /// one of them, Error{kTimeout} when it says nothing, and Stopped.
  void open_window(const std::stop_token& stop);

  /// What was drawn so far is being copied from now on, until end_copy() of what this gives.
  std::uint64_t begin_copy();
  void end_copy(std::uint64_t copy) noexcept;

  /// After a stop was requested.
  void wake();

  /// With those of the store.
  void add_meters(Meters& meters) const;

 private:
  /// A block whose last sample is drawn: needless once so many copies have ended.
  struct Drawn {
    std::uint64_t copies;
    std::shared_ptr<OpenEpoch> epoch;
    std::uint32_t block;
  };

  std::shared_ptr<OpenEpoch> make_epoch(const Position& start) const;
  bool epoch_wanted(std::uint64_t number) const;
  void ask_ahead();
  void ask(OpenEpoch& epoch, std::uint32_t block, std::uint64_t cost);
  void arrive(BlockSlot& slot, std::uint32_t block, const Chunk& chunk,
              std::exception_ptr failure) noexcept;
  void let_go_copied();
  void check_asked() const;
  void wait(std::uint64_t seen, const std::stop_token& stop);

  const std::shared_ptr<const Dataset> dataset_;
  const FeedOptions& options_;
  const Selection& selection_;
  std::unique_ptr<BlockReader> reader_;
  const std::span<const BlockInfo> blocks_;
  std::vector<std::uint32_t> block_samples_;
  const std::uint64_t blocks_bytes_;

  std::deque<std::shared_ptr<OpenEpoch>> epochs_;  ///< that is drawn, and perhaps the one after it
  std::deque<Drawn> drawn_;
  std::vector<std::uint32_t> finished_;  ///< kept for its memory
  std::atomic<std::uint64_t> held_bytes_ = 0;
  std::uint64_t next_copy_ = 0;

  std::atomic<std::uint64_t> copied_ = 0;  ///< this many copies, from the first on, have ended
  std::atomic<std::uint64_t> held_bytes_max_ = 0;
  bool is_full_ = false;     ///< another block is wanted that the budget has no room for
  TimeHistogram waiting_;    ///< for the store
  TimeHistogram idling_;     ///< of these, while the store had room and the budget had not
  TimeHistogram answering_;  ///< of the store, to each read
  CheckMeter decoding_;      ///< of what it gave, on its threads
  Counter blocks_read_;
  Counter bytes_read_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t events_ = 0;       ///< blocks that arrived and copies that ended
  std::deque<bool> copies_ended_;  ///< from copied_ on
};

}  // namespace ringfeed
