// Our side of the feed benchmarks: feed_side URL BATCH [COLUMN...]. For each line "round" on stdin
// it hands out one epoch and prints a JSON line {samples, seconds, wait_seconds, assemble_seconds}.
// One assembling thread, one reading thread.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <ringfeed/feed.hpp>
#include <string>

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: feed_side URL BATCH [COLUMN...]\n");
    return 2;
  }
  ringfeed::FeedOptions options;
  options.order.global_batch = std::stoull(argv[2]);
  options.columns.assign(argv + 3, argv + argc);
  options.epochs = 0;
  ringfeed::Feed feed(ringfeed::Dataset::open(argv[1]), options);
  ringfeed::FeedStats before;
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    std::int64_t samples = 0;
    while (const auto batch = feed.next()) samples += batch->size;
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto stats = feed.stats();
    fmt::print(
        "{{\"samples\": {}, \"seconds\": {:.6f}, \"wait_seconds\": {:.6f}, \"assemble_seconds\": "
        "{:.6f}}}\n",
        samples, seconds, stats.wait_seconds - before.wait_seconds,
        stats.assemble_seconds - before.assemble_seconds);
    std::fflush(stdout);
    before = stats;
  }
  return 0;
}
