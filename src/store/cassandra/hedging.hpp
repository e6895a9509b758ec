// Which replica is asked first, and when a second one is asked as well: by what the nodes' answers
// were like so far. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "cql/session.hpp"

namespace ringfeed::cassandra {

class Hedging {
 public:
  using Clock = std::chrono::steady_clock;

  /// No answer is late before `late_least`.
  explicit Hedging(Clock::duration late_least) : late_least_(late_least) {}

  /// Each replica is the first for its share of the numbers; those that do badly are the last.
  void order(std::vector<cql::Host>& replicas, std::uint64_t number, Clock::time_point now);
  /// False as long as no partition had more than one replica.
  bool has_choice() const noexcept { return has_choice_; }
  /// A second replica is asked when an answer has taken so long.
  Clock::duration late() const;
  /// How long a reader may wait for answers before it looks for late ones, and starts what is `due`
  /// first, if anything is; at least 1 ms. `idle`: it reads nothing.
  std::chrono::milliseconds until_look(bool idle, std::optional<Clock::time_point> due) const;
  /// Whether it may be, for a request to `host`; if so, it is counted. Few are, lest a slow cluster
  /// gets twice the work; those of a node that is known to be slow always.
  bool take_turn(const std::optional<cql::HostId>& host, Clock::time_point now);

  void note_request() noexcept { ++requests_; }
  /// An answer took so long. `host`: it was the first for what was asked.
  void note_answer(const std::optional<cql::HostId>& host, Clock::duration time);
  /// The node's answer was awaited, and that of one asked later came first.
  void note_overtaken(const cql::HostId& host, Clock::time_point now);

 private:
  /// How a node does.
  struct Health {
    int losses = 0;                  ///< in a row
    Clock::time_point slow_until{};  ///< until then it is asked last
  };

  bool is_slow(const cql::HostId& host, Clock::time_point now) const;

  const Clock::duration late_least_;
  std::map<cql::HostId, Health> health_;
  bool has_choice_ = false;
  std::uint64_t requests_ = 0;
  std::uint64_t hedges_ = 0;
  std::array<std::uint32_t, 128> times_{};  ///< of answers: four counts per power of two of us
  std::uint32_t times_count_ = 0;
};

}  // namespace ringfeed::cassandra
