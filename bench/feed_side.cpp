// Our side of the feed benchmarks: feed_side URL BATCH [--endless] [COLUMN...]. For each line "round"
// on stdin it makes a feed, hands out two epochs and prints a JSON line {samples, seconds,
// wait_seconds, assemble_seconds, cpu_seconds, rss_anon_bytes, batch_ms_p50, batch_ms_p99,
// batch_ms_max}. One assembling thread, one reading thread. With --endless it reads ahead also into
// the epoch after these two, as the Loader of Python does.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "usage.hpp"

namespace {

using Clock = std::chrono::steady_clock;

/// Of a round.
constexpr std::uint64_t kEpochs = 2;

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

void run(const std::string& url, ringfeed::FeedOptions options) {
  const auto dataset = ringfeed::Dataset::open(url);
  std::vector<double> batch_ms;
  for (std::string line; std::getline(std::cin, line); options.start.epoch += kEpochs) {
    batch_ms.clear();
    const double cpu_before = cpu_seconds();
    const auto start = Clock::now();
    // A feed of its own: none of the epoch is read ahead while others have their round.
    ringfeed::Feed feed(dataset, options);
    auto last = start;
    std::int64_t samples = 0;
    for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
      while (const auto batch = feed.next()) {
        samples += batch->size;
        const auto now = Clock::now();
        batch_ms.push_back(ms_between(last, now));
        last = now;
      }
    }
    const double seconds = 1e-3 * ms_between(start, Clock::now());
    const auto stats = feed.stats();
    std::ranges::sort(batch_ms);
    fmt::print(
        "{{\"samples\": {}, \"seconds\": {:.6f}, \"wait_seconds\": {:.6f}, \"assemble_seconds\": "
        "{:.6f}, \"cpu_seconds\": {:.3f}, \"rss_anon_bytes\": {}, \"batch_ms_p50\": {:.3f}, "
        "\"batch_ms_p99\": {:.3f}, \"batch_ms_max\": {:.3f}}}\n",
        samples, seconds, stats.wait_seconds, stats.assemble_seconds, cpu_seconds() - cpu_before,
        rss_anon_bytes(), batch_ms[batch_ms.size() / 2], batch_ms[batch_ms.size() * 99 / 100],
        batch_ms.back());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: feed_side URL BATCH [--endless] [COLUMN...]\n");
    return 2;
  }
  try {
    ringfeed::FeedOptions options;
    options.order.global_batch = std::stoull(argv[2]);
    const bool endless = argc > 3 && std::string_view(argv[3]) == "--endless";
    options.columns.assign(argv + (endless ? 4 : 3), argv + argc);
    options.epochs = endless ? 0 : kEpochs;
    run(argv[1], options);
  } catch (const ringfeed::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
