// Our side of the benchmark of a far cluster: far_side URL BATCH SECONDS PREFETCH_BYTES. Hands out
// epochs without end for so long, and prints a JSON line {samples, seconds (both of what came after
// the first 5), first_batch_ms, seconds_to_rate (until a tenth of a second first had 0.9 of the
// final rate), epochs, cpu_seconds, rss_anon_bytes}.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>
#include <string>
#include <vector>

#include "usage.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kStartSeconds = 5;
constexpr double kBinSeconds = 0.1;

void run(const std::string& url, ringfeed::FeedOptions options, double seconds_max) {
  const auto dataset = ringfeed::Dataset::open(url);
  options.epochs = 0;
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  ringfeed::Feed feed(dataset, options);
  std::vector<double> bins(static_cast<std::size_t>(seconds_max / kBinSeconds) + 1);
  double first = -1;
  double samples = 0;
  double counted_from = -1;
  double now = 0;
  double cpu = 0;
  while (now < seconds_max) {
    const auto batch = feed.next();
    now = seconds();
    if (!batch) continue;
    if (first < 0) first = now;
    bins[std::min(bins.size() - 1, static_cast<std::size_t>(now / kBinSeconds))] +=
        static_cast<double>(batch->size);
    if (counted_from >= 0) {
      samples += static_cast<double>(batch->size);
    } else if (now >= kStartSeconds) {
      counted_from = now;
      cpu = cpu_seconds();
    }
  }
  const double counted = now - counted_from;
  std::size_t bin = 0;
  while (bin + 1 < bins.size() && bins[bin] / kBinSeconds < 0.9 * samples / counted) ++bin;
  fmt::print(
      "{{\"samples\": {:.0f}, \"seconds\": {:.3f}, \"first_batch_ms\": {:.1f}, "
      "\"seconds_to_rate\": {:.1f}, \"epochs\": {:.2f}, \"cpu_seconds\": {:.3f}, "
      "\"rss_anon_bytes\": {}}}\n",
      samples, counted, 1e3 * first, static_cast<double>(bin + 1) * kBinSeconds,
      samples / static_cast<double>(dataset->size()), cpu_seconds() - cpu, rss_anon_bytes());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: far_side URL BATCH SECONDS PREFETCH_BYTES\n");
    return 2;
  }
  try {
    ringfeed::FeedOptions options;
    options.order.global_batch = std::stoull(argv[2]);
    options.prefetch_bytes = std::stoull(argv[4]);
    run(argv[1], options, std::stod(argv[3]));
  } catch (const ringfeed::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return error.exit_code();
  }
  return 0;
}
