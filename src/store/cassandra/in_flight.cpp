// A rate is measured over several fillings of the limit, which are as many round trips.
#include "store/cassandra/in_flight.hpp"

#include <algorithm>

#include "cql/session.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr auto kMeasureLeast = 250ms;
constexpr std::uint64_t kFillings = 4;
/// A doubled limit stays when reading is so many times as fast.
constexpr double kFaster = 1.1;
constexpr auto kPauseMax = 300s;

}  // namespace

void InFlight::begin(Clock::time_point now) noexcept {
  begin_ = now;
  bytes_ = 0;
  idle_ = false;
}

void InFlight::note_answer(std::uint64_t bytes, Clock::time_point now) {
  if (begin_ == Clock::time_point()) begin(now);
  bytes_ += bytes;
  const auto time = now - begin_;
  // What was under way with the limit before comes first.
  const std::uint64_t fillings = settling_ ? 1 : kFillings;
  if (idle_) return begin(now);
  if (bytes_ < fillings * limit_ || (!settling_ && time < kMeasureLeast)) return;
  if (settling_) {
    settling_ = false;
  } else {
    decide(static_cast<double>(bytes_) / std::chrono::duration<double>(time).count(), now);
  }
  begin(now);
}

void InFlight::decide(double rate, Clock::time_point now) {
  if (trying_ && rate < kFaster * rate_) {
    limit_ /= 2;
    trying_ = false;
    settling_ = true;
    next_try_ = now + pause_;
    pause_ = std::min<Clock::duration>(2 * pause_, kPauseMax);
    return;
  }
  if (trying_) pause_ = kPauseFirst;
  trying_ = false;
  rate_ = rate;
  if (now < next_try_ || 2 * limit_ > most_) return;
  limit_ *= 2;
  trying_ = true;
  settling_ = true;
}

void InFlight::note_overload(Clock::time_point now) {
  // Many say so at once: once for all that were under way.
  if (settling_ && !trying_ && now < next_try_) return;
  limit_ = std::max<std::uint64_t>(limit_ / 2, 1);
  trying_ = false;
  settling_ = true;
  next_try_ = now + pause_;
  begin(now);
}

InFlight in_flight_of(const cql::Session& session, std::uint64_t least) {
  const std::uint64_t most = session.connection().in_flight_bytes_per_node *
                             std::max<std::uint64_t>(1, session.hosts().size());
  return InFlight(std::min(least, most), most);
}

}  // namespace ringfeed::cassandra
