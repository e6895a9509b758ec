// Batches between the threads that assemble them and the one that takes them: places are taken in
// the order of the steps, and filled in any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <ringfeed/batch.hpp>
#include <stop_token>
#include <variant>

#include "base/meter.hpp"

namespace ringfeed {

class ReadyQueue {
 public:
  struct Pending {};
  struct EpochEnd {};
  struct End {};  ///< after the last epoch
  using Item = std::variant<Pending, EpochEnd, End, std::exception_ptr, Batch>;

  /// Of so many places; once all are taken, the next one is given when `low` are left, not one by
  /// one: a wake-up for each would cost the taking thread more than a small step.
  ReadyQueue(std::size_t places, std::size_t low) : places_(places), low_(low) {}

  // The threads that assemble, one at a time:

  /// Whether take_place() would not wait.
  bool has_room() const;
  /// The next place, once there is room. Throws Stopped.
  Item& take_place(const std::stop_token& stop);
  /// A place that is filled at once.
  void push(Item item, const std::stop_token& stop);

  // The threads that assemble:

  void fill(Item& place, Item item);
  /// After a stop was requested.
  void wake();

  // The taking thread:

  /// Whether take() would not wait.
  bool ready() const;
  /// The same, after waiting for that.
  bool wait_for(std::chrono::milliseconds timeout);
  /// The next in the order, never Pending. The end and an error stay.
  Item take();

  void add_meters(Meters& meters) const;

 private:
  bool has_answer() const { return !items_.empty() && !is<Pending>(items_.front()); }
  template <typename Kind>
  static bool is(const Item& item) {
    return std::holds_alternative<Kind>(item);
  }

  const std::size_t places_;
  const std::size_t low_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::condition_variable answered_;
  std::deque<Item> items_;
  TimeHistogram empty_;  ///< waits of the taking thread
  TimeHistogram full_;   ///< waits of those that assemble, for room
};

}  // namespace ringfeed
