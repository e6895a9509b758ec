// Places stay where they are in a deque that changes only at its ends.
#include "feed/ready_queue.hpp"

#include <algorithm>
#include <utility>

#include "feed/stopped.hpp"

namespace ringfeed {
ReadyQueue::Item& ReadyQueue::take_place(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (items_.size() >= places_) {
    const TimeHistogram::Span span(full_);
    room_.wait(lock, [&] { return stop.stop_requested() || items_.size() <= low_; });
  }
  if (stop.stop_requested()) throw Stopped{};
  return items_.emplace_back(Pending{});
}

void ReadyQueue::push(Item item, const std::stop_token& stop) {
  fill(take_place(stop), std::move(item));
}

void ReadyQueue::fill(Item& place, Item item) {
  const std::lock_guard lock(mutex_);
  place = std::move(item);
  if (&place == &items_.front()) answered_.notify_one();
}

bool ReadyQueue::has_room() const {
  const std::lock_guard lock(mutex_);
  return items_.size() < places_;
}

bool ReadyQueue::ready() const {
  const std::lock_guard lock(mutex_);
  return has_answer();
}

void ReadyQueue::wake() {
  const std::lock_guard lock(mutex_);
  room_.notify_one();
}

ReadyQueue::Item ReadyQueue::take() {
  std::unique_lock lock(mutex_);
  if (!has_answer()) {
    const TimeHistogram::Span span(empty_);
    answered_.wait(lock, [&] { return has_answer(); });
  }
  if (is<End>(items_.front())) return End{};
  if (const auto* error = std::get_if<std::exception_ptr>(&items_.front())) return *error;
  Item item = std::move(items_.front());
  items_.pop_front();
  if (items_.size() == low_) room_.notify_one();
  return item;
}

bool ReadyQueue::wait_for(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (has_answer() || timeout.count() <= 0) return has_answer();
  const TimeHistogram::Span span(empty_);
  return answered_.wait_for(lock, timeout, [&] { return has_answer(); });
}

void ReadyQueue::add_meters(Meters& meters) const {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(mutex_);
    waiting = static_cast<std::size_t>(
        std::ranges::count_if(items_, [](const Item& item) { return is<Batch>(item); }));
  }
  meters.push_back(gauge_meter("ringfeed_queue_batches", "Batches that wait to be taken.",
                               static_cast<double>(waiting)));
  meters.push_back(gauge_meter("ringfeed_queue_places", "Batches that may wait to be taken.",
                               static_cast<double>(places_)));
  meters.push_back(empty_.meter("ringfeed_queue_empty_seconds",
                                "Waits of the training thread for a batch: the queue was empty."));
  meters.push_back(full_.meter("ringfeed_queue_full_seconds",
                               "Waits of the assembling threads for room: the queue was full."));
}

}  // namespace ringfeed
