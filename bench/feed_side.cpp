// Our side of the feed benchmarks: feed_side URL BATCH [--endless] [--epochs N] [--ledger DIR]
// [--cache DIR] [--assemble-threads N] [--look] [--held] [COLUMN...]. For each line "round" on
// stdin it makes a feed, hands out N epochs (2) and prints a JSON line {samples, seconds,
// wait_seconds, assemble_seconds, cpu_seconds, rss_anon_bytes, batch_ms_p50, batch_ms_p99,
// batch_ms_max}. One reading thread, and one assembling thread unless told otherwise. With --held
// the blocks are in memory before the first round. With --endless it reads ahead also into the
// epoch after these, as the Loader of Python does. With --ledger each round has a start of its own
// in DIR. With --look the thread that takes batches looks for them now and then, and assembles none
// itself.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <ringfeed/ledger.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "held_store.hpp"
#include "usage.hpp"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string url;
  ringfeed::ConnectionOptions connection;
  ringfeed::FeedOptions feed;
  std::uint64_t epochs = 2;  ///< of a round
  bool endless = false;
  std::string ledger;
  bool look = false;
  bool held = false;
};

Options options_of(int argc, char** argv) {
  Options options;
  options.url = argv[1];
  options.feed.order.global_batch = std::stoull(argv[2]);
  int at = 3;
  for (; at < argc && std::string_view(argv[at]).starts_with("--"); ++at) {
    const std::string_view name = argv[at];
    if (name == "--endless") {
      options.endless = true;
    } else if (name == "--epochs") {
      options.epochs = std::stoull(argv[++at]);
    } else if (name == "--ledger") {
      options.ledger = argv[++at];
    } else if (name == "--cache") {
      options.connection.cache_dir = argv[++at];
    } else if (name == "--assemble-threads") {
      options.feed.assemble_threads = std::stoi(argv[++at]);
    } else if (name == "--look") {
      options.look = true;
    } else if (name == "--held") {
      options.held = true;
    }
  }
  options.feed.columns.assign(argv + at, argv + argc);
  options.feed.epochs = options.endless ? 0 : options.epochs;
  options.feed.track_samples = !options.ledger.empty();
  return options;
}

std::optional<ringfeed::Batch> next_of(ringfeed::Feed& feed, bool look) {
  using namespace std::chrono_literals;
  while (look && !feed.wait_for(0ms)) std::this_thread::sleep_for(20us);
  return feed.next();
}

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

void run(Options options) {
  auto dataset = ringfeed::Dataset::open(options.url, options.connection);
  if (options.held) {
    dataset = ringfeed::Dataset::open(std::make_shared<HeldStore>(*dataset), dataset->url(),
                                      dataset->version(), dataset->split());
  }
  std::vector<double> batch_ms;
  for (std::string line; std::getline(std::cin, line);
       options.feed.start.epoch += options.epochs) {
    batch_ms.clear();
    const double cpu_before = cpu_seconds();
    const auto start = Clock::now();
    // A feed of its own: none of the epoch is read ahead while others have their round.
    ringfeed::Feed feed(dataset, options.feed);
    std::optional<ringfeed::Ledger> ledger;
    if (!options.ledger.empty()) {
      ledger.emplace(ringfeed::LedgerOptions{
          .folder = options.ledger,
          .start = ringfeed::Ledger::next_start(options.ledger),
          .position = ringfeed::encode_position(options.feed.start, *dataset, options.feed.order)});
    }
    auto last = start;
    std::int64_t samples = 0;
    for (std::uint64_t epoch = 0; epoch < options.epochs; ++epoch) {
      while (const auto batch = next_of(feed, options.look)) {
        if (ledger) ledger->write(*batch);
        samples += batch->size;
        const auto now = Clock::now();
        batch_ms.push_back(ms_between(last, now));
        last = now;
      }
    }
    if (ledger) ledger->close();
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
    fmt::print(stderr,
               "usage: feed_side URL BATCH [--endless] [--epochs N] [--ledger DIR] [--cache DIR] "
               "[--assemble-threads N] [--look] [--held] [COLUMN...]\n");
    return 2;
  }
  try {
    run(options_of(argc, argv));
  } catch (const ringfeed::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
