// Writes under way, each told by a number of the caller's: those that failed are sent again after a
// pause. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "cql/session.hpp"

namespace ringfeed::cassandra {

class Writes {
 public:
  using Clock = std::chrono::steady_clock;
  /// Starts the write of a number, whose answer comes to the queue under that number.
  using Send = std::function<void(std::uint64_t number, cql::Queue& answers)>;

  explicit Writes(Send send) : send_(std::move(send)) {}

  void send(std::uint64_t number);
  /// Once more, after a pause that doubles from time to time. What was stored all the same is
  /// stored again, so it must be the same.
  void send_later(std::uint64_t number);
  /// Waits for one up to `timeout`, and sends what is due. Nothing: none came so far.
  std::optional<cql::Answer> next(std::chrono::milliseconds timeout);
  /// How long writes have been waiting with none of them stored.
  Clock::duration stalled() const { return Clock::now() - last_stored_; }

 private:
  void send_due();

  const Send send_;
  cql::Queue answers_;
  std::uint64_t under_way_ = 0;                          ///< an answer will come for them
  std::multimap<Clock::time_point, std::uint64_t> due_;  ///< when those that failed are sent again
  std::map<std::uint64_t, int> failures_;                ///< of a number
  Clock::time_point last_stored_;                        ///< or the first of now was sent
};

}  // namespace ringfeed::cassandra
