// Anonymous memory of a feed over one epoch: memory_side URL BATCH WORLD BUDGET (0: the default).
// Prints a JSON line {budget_bytes, floor_bytes, rss_anon_growth_bytes, held_bytes_max, samples};
// the growth is sampled at each batch, from just before the feed was made (the open data set is not
// the feed's).
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <string>

#include "usage.hpp"

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: memory_side URL BATCH WORLD BUDGET\n");
    return 2;
  }
  try {
    const auto dataset = ringfeed::Dataset::open(argv[1]);
    ringfeed::FeedOptions options;
    options.order.global_batch = std::stoull(argv[2]);
    options.world_size = std::stoi(argv[3]);
    options.prefetch_bytes = std::stoull(argv[4]);
    const std::uint64_t before = rss_anon_bytes();
    ringfeed::Feed feed(dataset, options);
    std::uint64_t most = 0;
    std::int64_t samples = 0;
    while (const auto batch = feed.next()) {
      most = std::max(most, rss_anon_bytes());
      samples += batch->size;
    }
    const auto stats = feed.stats();
    fmt::print(
        "{{\"budget_bytes\": {}, \"floor_bytes\": {}, \"rss_anon_growth_bytes\": {}, "
        "\"held_bytes_max\": {}, "
        "\"samples\": {}}}\n",
        stats.prefetch_bytes, stats.floor_bytes, most - std::min(most, before),
        stats.held_bytes_max, samples);
  } catch (const ringfeed::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
