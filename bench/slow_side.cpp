// Our side of the benchmark of waiting: slow_side URL BATCH SECONDS PREFETCH_BYTES PAUSE_MS. A
// trainer that takes PAUSE_MS for each batch, for so many seconds of epochs without end. Prints a
// JSON line {samples, seconds, wait_share (of the time), cpu_share (of one core), budget_bytes,
// rss_anon_growth_bytes (the most over what there was before the feed was made)}.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <string>
#include <thread>

#include "usage.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono_literals::operator""ms;

void run(const std::string& url, ringfeed::FeedOptions options, double seconds_max,
         std::chrono::milliseconds pause) {
  const auto dataset = ringfeed::Dataset::open(url);
  options.epochs = 0;
  const std::uint64_t before = rss_anon_bytes();
  std::uint64_t most = before;
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  ringfeed::Feed feed(dataset, options);
  while (seconds() < seconds_max) {
    most = std::max(most, rss_anon_bytes());
    if (!feed.wait_for(100ms)) continue;
    const auto batch = feed.next();
    std::this_thread::sleep_for(pause);
  }
  const double total = seconds();
  const auto stats = feed.stats();
  fmt::print(
      "{{\"samples\": {}, \"seconds\": {:.3f}, \"wait_share\": {:.4f}, \"cpu_share\": {:.4f}, "
      "\"budget_bytes\": {}, \"rss_anon_growth_bytes\": {}}}\n",
      stats.samples, total, stats.wait_seconds / total, (cpu_seconds() - cpu) / total,
      stats.prefetch_bytes, most - before);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: slow_side URL BATCH SECONDS PREFETCH_BYTES PAUSE_MS\n");
    return 2;
  }
  try {
    ringfeed::FeedOptions options;
    options.order.global_batch = std::stoull(argv[2]);
    options.prefetch_bytes = std::stoull(argv[4]);
    run(argv[1], options, std::stod(argv[3]), std::chrono::milliseconds(std::stoi(argv[5])));
  } catch (const ringfeed::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
