// A rate is measured over several fillings of the limit, which are as many round trips. Where a
// filling takes long the link is slow: more under way would only wait, and answers come late that
// others wait behind (the driver's keepalive is one of them).
#include "store/cassandra/in_flight.hpp"

#include <algorithm>

#include "cql/session.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kFirst = std::uint64_t{2} << 20;
constexpr auto kFillingGood = 1s;
constexpr auto kFillingMax = 2s;
constexpr auto kMeasureLeast = 250ms;
constexpr std::uint64_t kFillings = 4;
/// A doubled limit stays when reading is so many times as fast.
constexpr double kFaster = 1.1;
constexpr auto kPauseMax = 300s;

double rate_of(std::uint64_t bytes, InFlight::Clock::duration time) {
  return static_cast<double>(bytes) / std::max(std::chrono::duration<double>(time).count(), 1e-6);
}

}  // namespace

InFlight::InFlight(std::uint64_t enough, std::uint64_t most)
    : most_(most), enough_(std::min(enough, most)), limit_(std::min(enough_, kFirst)) {}

void InFlight::begin(Clock::time_point now) noexcept {
  begin_ = filling_begin_ = now;
  bytes_ = filling_bytes_ = 0;
  idle_ = false;
}

void InFlight::note_answer(std::uint64_t bytes, Clock::time_point now) {
  if (begin_ == Clock::time_point() || idle_) return begin(now);
  bytes_ += bytes;
  filling_bytes_ += bytes;
  const auto time = now - filling_begin_;
  if (filling_bytes_ + bytes < limit_) {  // a filling but for the answer that it began with
    if (time > kFillingMax) set_by_rate(rate_of(filling_bytes_, time), now);
    return;
  }
  if (limit_ < enough_ && now >= next_try_)
    return set_by_rate(rate_of(filling_bytes_, time), now);
  filling_begin_ = now;
  filling_bytes_ = 0;
  // What was under way with the limit before comes first.
  if (settling_) {
    settling_ = false;
    return begin(now);
  }
  if (bytes_ < kFillings * limit_ || now - begin_ < kMeasureLeast) return;
  decide(rate_of(bytes_, now - begin_), now);
  begin(now);
}

void InFlight::set_by_rate(double rate, Clock::time_point now) {
  const double good = rate * std::chrono::duration<double>(kFillingGood).count();
  limit_ = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::min(good, static_cast<double>(enough_))), 1, enough_);
  trying_ = false;
  settling_ = true;
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
  enough_ = std::min(enough_, limit_);
  trying_ = false;
  settling_ = true;
  next_try_ = now + pause_;
  begin(now);
}

InFlight in_flight_of(const cql::Session& session, std::uint64_t enough) {
  const std::uint64_t most = session.connection().in_flight_bytes_per_node *
                             std::max<std::uint64_t>(1, session.hosts().size());
  return InFlight(enough, most);
}

}  // namespace ringfeed::cassandra
