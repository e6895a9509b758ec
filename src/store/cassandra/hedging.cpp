// Ranks of nodes, and the quantile of the time of their answers.
#include "store/cassandra/hedging.hpp"

#include <algorithm>
#include <cmath>

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

/// An answer is late when it takes longer than this share of the others, by this factor...
constexpr double kLateQuantile = 0.99;
constexpr double kLateFactor = 2.0;
/// ... and after this until there are enough others to tell.
constexpr auto kLateUnknown = 500ms;
constexpr std::uint32_t kTimesLeast = 100;
constexpr std::uint32_t kTimesMost = 8192;
/// Second requests beyond one in 20.
constexpr std::uint64_t kHedgesFree = 8;
constexpr int kLossesMax = 3;
constexpr auto kSlowFor = 10s;

}  // namespace

void Hedging::order(std::vector<cql::Host>& replicas, std::uint64_t number, Clock::time_point now) {
  if (replicas.empty()) return;
  has_choice_ = has_choice_ || replicas.size() > 1;
  const auto first = static_cast<std::ptrdiff_t>(number % replicas.size());
  std::rotate(replicas.begin(), replicas.begin() + first, replicas.end());
  std::ranges::stable_sort(replicas, {}, [&](const cql::Host& host) {
    return (host.connected ? 0 : 4) + (is_slow(host.id, now) ? 2 : 0) + (host.local ? 0 : 1);
  });
}

Hedging::Clock::duration Hedging::late() const {
  if (times_count_ < kTimesLeast) return std::max<Clock::duration>(kLateUnknown, late_least_);
  auto left = static_cast<std::uint32_t>(kLateQuantile * times_count_);
  std::size_t bucket = 0;
  for (; bucket + 1 < times_.size() && times_[bucket] <= left; ++bucket) left -= times_[bucket];
  const double us = std::exp2(static_cast<double>(bucket + 1) / 4) * kLateFactor;
  return std::max<Clock::duration>(std::chrono::microseconds(static_cast<std::int64_t>(us)),
                                   late_least_);
}

std::chrono::milliseconds Hedging::until_look(bool idle,
                                              std::optional<Clock::time_point> due) const {
  if (idle) return 1s;
  Clock::duration wait = has_choice_ ? std::max<Clock::duration>(late() / 4, 5ms) : 100ms;
  if (due) wait = std::min(wait, *due - Clock::now());
  return std::chrono::ceil<std::chrono::milliseconds>(std::max<Clock::duration>(wait, 1ms));
}

bool Hedging::take_turn(const std::optional<cql::HostId>& host, Clock::time_point now) {
  const bool slow = host && is_slow(*host, now);
  if (!slow && hedges_ > kHedgesFree + requests_ / 20) return false;
  ++hedges_;
  return true;
}

void Hedging::note_answer(const std::optional<cql::HostId>& host, Clock::duration time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  const auto bucket = static_cast<std::size_t>(std::log2(static_cast<double>(us) + 1) * 4);
  ++times_[std::min(bucket, times_.size() - 1)];
  if (++times_count_ > kTimesMost) {
    times_count_ = 0;
    for (auto& count : times_) times_count_ += count /= 2;
  }
  if (host) health_[*host].losses = 0;
}

void Hedging::note_overtaken(const cql::HostId& host, Clock::time_point now) {
  Health& health = health_[host];
  if (++health.losses >= kLossesMax) health.slow_until = now + kSlowFor;
}

bool Hedging::is_slow(const cql::HostId& host, Clock::time_point now) const {
  const auto health = health_.find(host);
  return health != health_.end() && health->second.slow_until > now;
}

}  // namespace ringfeed::cassandra
