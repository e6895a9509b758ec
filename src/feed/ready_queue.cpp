// Places stay where they are in a deque that changes only at its ends.
#include "feed/ready_queue.hpp"

#include <utility>

#include "feed/stopped.hpp"

namespace ringfeed {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

ReadyQueue::Item& ReadyQueue::take_place(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (items_.size() >= places_)
    room_.wait(lock, [&] { return stop.stop_requested() || items_.size() <= low_; });
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
    const auto start = Clock::now();
    answered_.wait(lock, [&] { return has_answer(); });
    wait_seconds_ += seconds_since(start);
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
  const auto start = Clock::now();
  const bool has = answered_.wait_for(lock, timeout, [&] { return has_answer(); });
  wait_seconds_ += seconds_since(start);
  return has;
}

double ReadyQueue::wait_seconds() const {
  const std::lock_guard lock(mutex_);
  return wait_seconds_;
}

}  // namespace ringfeed
