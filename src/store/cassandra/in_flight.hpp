// How many bytes are asked of the servers at once: as many as come in a second, up to what is
// enough where they are near, or twice what a long link holds; half of it when a server says that
// it is too much. Not thread-safe.
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

  /// Near servers get `enough`, and nobody ever more than `most`.
  InFlight(std::uint64_t enough, std::uint64_t most);

  /// Bytes that may be under way.
  std::uint64_t limit() const noexcept;
  /// Nothing waits to be asked for: what comes now says nothing about what could come.
  void note_idle() noexcept { idle_ = true; }
  void note_answer(std::uint64_t bytes, Clock::time_point asked, Clock::time_point now);
  /// A server answered that it is asked too much.
  void note_overload(Clock::time_point asked, Clock::time_point now);

 private:
  struct Count {
    Clock::time_point begin;
    std::uint64_t answers = 0;  ///< the first of a measurement only begins it
    std::uint64_t bytes = 0;
    Clock::duration latency{};  ///< of all together
  };

  void probe(std::uint64_t bytes, Clock::time_point asked, Clock::time_point now);
  void measure(std::uint64_t bytes, Clock::time_point asked, Clock::time_point now);
  double wanted(double rate) const;
  void set(double rate, Clock::time_point now);

  const std::uint64_t enough_;
  const std::uint64_t most_;
  std::uint64_t limit_;
  double latency_ = 0;   ///< seconds that an answer takes when little is under way
  bool probing_ = true;  ///< little is under way, to see that
  Clock::time_point next_probe_;
  Count count_{.begin = Clock::time_point::min()};
  bool idle_ = false;

  std::uint64_t largest_ = 1;  ///< answer so far
  std::uint64_t allowed_;      ///< `most_`, or less after an overload
  Clock::time_point overload_;
  Clock::time_point next_allowed_;
};

/// Of a reader of this session, which may have so much at each node (Connection).
InFlight in_flight_of(const cql::Session& session, std::uint64_t enough);

}  // namespace ringfeed::cassandra
