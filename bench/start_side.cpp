// Start of a feed over 10^9 samples that exist only by number (10^6 blocks of 1,000): from the open
// manifest to the first batch in hand. start_side SAMPLES: resumed at the step after so many.
// Prints a JSON line {samples, blocks, seconds, rss_anon_bytes}; memory is the growth over the bare
// program, the manifest included.
#include <fmt/format.h>

#include <chrono>
#include <ringfeed/feed.hpp>
#include <string>

#include "usage.hpp"
#include "virtual_store.hpp"

int main(int argc, char** argv) {
  using namespace ringfeed;
  constexpr VirtualSize kSize{1'000'000, 1'000};
  const std::uint64_t before = rss_anon_bytes();
  const auto dataset =
      Dataset::open(std::make_shared<VirtualStore>(kSize), "virtual:", std::nullopt, "train");
  const auto start = std::chrono::steady_clock::now();
  FeedOptions options;
  options.order.global_batch = 256;
  options.prefetch_bytes = std::uint64_t{64}
                           << 20;  // of which the index of 10^6 blocks takes 38 MiB
  if (argc > 1) {
    const Steps steps(dataset->size(), options.order);
    options.start.samples = steps.begin(std::stoull(argv[1]) / options.order.global_batch);
  }
  Feed feed(dataset, options);
  const auto batch = feed.next();
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print(
      "{{\"samples\": {}, \"blocks\": {}, \"batch\": {}, \"seconds\": {:.4f}, \"rss_anon_bytes\": "
      "{}}}\n",
      dataset->size(), kSize.blocks, batch ? batch->size : 0, seconds, rss_anon_bytes() - before);
  return batch ? 0 : 1;
}
