// How many bytes are asked of the servers at once: as many as come in a second, up to what is
// enough where they are near; then doubled for as long as that makes reading faster; halved when a
// server says that it is too much. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringfeed::cql {
class Session;
}

namespace ringfeed::cassandra {

/// What a reader takes beside its blocks, as bench/slow_cassandra.py measures it: the driver's
/// buffers, and free memory between those in use that the allocator cannot give back.
constexpr std::uint64_t kReaderOverheadBytes = std::uint64_t{16} << 20;

class InFlight {
 public:
  using Clock = std::chrono::steady_clock;

  /// Goes to `enough` without asking whether that is faster, and never above `most`.
  InFlight(std::uint64_t enough, std::uint64_t most);

  /// Bytes that may be under way.
  std::uint64_t limit() const noexcept { return limit_; }
  /// Nothing waits to be asked for: what is measured now says nothing about the limit.
  void note_idle() noexcept { idle_ = true; }
  void note_answer(std::uint64_t bytes, Clock::time_point now);
  /// A server answered that it is asked too much.
  void note_overload(Clock::time_point now);

 private:
  void begin(Clock::time_point now) noexcept;
  void set_by_rate(double rate, Clock::time_point now);
  void decide(double rate, Clock::time_point now);

  const std::uint64_t most_;
  std::uint64_t enough_;
  std::uint64_t limit_;
  double rate_ = 0;       ///< bytes per second with the limit before, while another is tried
  bool trying_ = false;   ///< a doubled limit
  bool settling_ = true;  ///< the limit has just changed
  Clock::duration pause_ = kPauseFirst;
  Clock::time_point next_try_{};

  // What is measured now.
  Clock::time_point begin_{};
  std::uint64_t bytes_ = 0;
  Clock::time_point filling_begin_{};  ///< the last of them
  std::uint64_t filling_bytes_ = 0;
  bool idle_ = false;

  static constexpr auto kPauseFirst = std::chrono::seconds(10);
};

/// Of a reader of this session, which may have so much at each node (Connection).
InFlight in_flight_of(const cql::Session& session, std::uint64_t enough);

}  // namespace ringfeed::cassandra
