// Pauses and the queue.
#include "store/cassandra/writes.hpp"

#include <algorithm>
#include <thread>

#include "base/pause.hpp"

namespace ringfeed::cassandra {
namespace {

using namespace std::chrono_literals;

constexpr auto kWritePauseFirst = 50ms;
constexpr auto kWritePauseMax = 2s;

}  // namespace

void Writes::send(std::uint64_t number) {
  if (under_way_ == 0 && failures_.empty()) last_stored_ = Clock::now();
  send_(number, answers_);
  ++under_way_;
}

void Writes::send_later(std::uint64_t number) {
  const auto pause = spread(std::min<std::chrono::milliseconds>(
      kWritePauseFirst * (1 << std::min(failures_[number]++, 6)), kWritePauseMax));
  due_.emplace(Clock::now() + pause, number);
}

std::optional<cql::Answer> Writes::next(std::chrono::milliseconds timeout) {
  send_due();
  if (!due_.empty()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(due_.begin()->first - Clock::now());
    timeout = std::clamp<std::chrono::milliseconds>(left, 0ms, timeout);
  }
  if (under_way_ == 0) {
    std::this_thread::sleep_for(timeout);
    return std::nullopt;
  }
  auto answer = answers_.next(timeout);
  if (!answer) return std::nullopt;
  --under_way_;
  if (!answer->failure) {
    last_stored_ = Clock::now();
    failures_.erase(answer->tag);
  }
  return answer;
}

void Writes::send_due() {
  const auto now = Clock::now();
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto number = due_.begin()->second;
    due_.erase(due_.begin());
    send(number);
  }
}

}  // namespace ringfeed::cassandra
