// A link holds its rate times its latency. Where many answers wait behind others their latency is
// not the link's: so now and then little is under way, to see it. Twice as much as the link holds
// keeps the servers busy, and finds out within a few round trips when it holds more. Where a second
// does not bring so much the link is slow: more under way would only make answers come late that
// others wait behind (the driver's keepalive is one of them).
#include "store/cassandra/in_flight.hpp"

#include <algorithm>

#include "cql/session.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

/// At the beginning, and to see the latency.
constexpr std::uint64_t kLittle = std::uint64_t{2} << 20;
constexpr auto kProbeEvery = 60s;
/// At most what comes in so many seconds is under way.
constexpr double kSecondsMax = 1;
/// As many times as much as a long link holds.
constexpr double kHeld = 2;
constexpr auto kMeasureLeast = 100ms;
constexpr auto kMeasureGood = 1s;
constexpr auto kMeasureMost = 2s;
/// After an overload twice as much may be under way with each of these: all of it within seconds.
constexpr auto kGrowPause = 500ms;

double seconds_of(InFlight::Clock::duration time) {
  return std::max(std::chrono::duration<double>(time).count(), 1e-6);
}

}  // namespace

InFlight::InFlight(std::uint64_t enough, std::uint64_t most)
    : enough_(enough), most_(most), limit_(std::min({enough, most, kLittle})), allowed_(most) {}

std::uint64_t InFlight::limit() const noexcept {
  return probing_ ? std::min(limit_, kLittle) : limit_;
}

void InFlight::note_answer(std::uint64_t bytes, Clock::time_point asked, Clock::time_point now) {
  largest_ = std::max(largest_, bytes);
  if (!probing_ && now >= next_probe_) {
    probing_ = true;
    count_ = {.begin = now};
  }
  probing_ ? probe(bytes, asked, now) : measure(bytes, asked, now);
}

void InFlight::probe(std::uint64_t bytes, Clock::time_point asked, Clock::time_point now) {
  if (asked < count_.begin) return;  // with more under way
  ++count_.answers;
  count_.bytes += bytes;
  count_.latency += now - asked;
  if (count_.bytes < limit()) return;
  const auto answers = static_cast<double>(count_.answers);
  latency_ = seconds_of(count_.latency) / answers;
  const double under_way =
      std::max(static_cast<double>(limit()), static_cast<double>(count_.bytes) / answers);
  probing_ = false;
  next_probe_ = now + kProbeEvery;
  if (limit_ <= kLittle) set(under_way / latency_, now);
  count_ = {.begin = now};
}

void InFlight::measure(std::uint64_t bytes, Clock::time_point asked, Clock::time_point now) {
  if (idle_) {
    idle_ = false;
    count_ = {.begin = now};
    return;
  }
  if (count_.answers == 0) {
    if (asked >= count_.begin) count_ = {.begin = now, .answers = 1};
    return;
  }
  count_.bytes += bytes;
  const auto time = now - count_.begin;
  const bool filled = count_.bytes + bytes >= limit_;
  if (time < (filled ? kMeasureLeast : kMeasureMost)) return;
  const double rate = static_cast<double>(count_.bytes) / seconds_of(time);
  // Answers come in gusts: more at once, less only by what a second brought.
  if (filled && time < kMeasureGood && wanted(rate) <= static_cast<double>(limit_)) return;
  set(rate, now);
  count_ = {.begin = now, .answers = 1};
}

double InFlight::wanted(double rate) const {
  return std::min(rate * kSecondsMax,
                  std::max(static_cast<double>(enough_), kHeld * rate * latency_));
}

void InFlight::set(double rate, Clock::time_point now) {
  if (allowed_ < most_ && now >= next_allowed_) {
    allowed_ = std::min(2 * allowed_, most_);
    next_allowed_ = now + kGrowPause;
  }
  limit_ = static_cast<std::uint64_t>(std::clamp(wanted(rate), 1.0, static_cast<double>(allowed_)));
}

void InFlight::note_overload(Clock::time_point asked, Clock::time_point now) {
  // Many say so at once: once for all that were under way.
  if (asked < overload_) return;
  overload_ = now;
  allowed_ = limit_ = std::max(limit() / 2, std::min(largest_, limit()));  // one always is
  next_allowed_ = now + kGrowPause;
}

InFlight in_flight_of(const cql::Session& session, std::uint64_t enough) {
  const std::uint64_t most = session.connection().in_flight_bytes_per_node *
                             std::max<std::uint64_t>(1, session.hosts().size());
  return InFlight(enough, most);
}

}  // namespace ringfeed::cassandra
