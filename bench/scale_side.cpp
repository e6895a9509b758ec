// The order and the feed at sizes that no test has, over data that exist only by number. Each prints
// a JSON line.
//   scale_side start BLOCKS BLOCK_SAMPLES RANKS LANES BATCH   the feed of a rank in the middle,
//       from the open manifest to its first batch: {samples, seconds, rss_anon_bytes, floor_bytes}
//   scale_side manifest BLOCKS   {bytes, encode_seconds, decode_seconds}
//   scale_side balance BLOCKS BLOCK_SAMPLES RANKS LANES NODES   which blocks the ranks read in an
//       epoch, and which of the nodes, three copies of each block on them, is asked first
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <ringfeed/feed.hpp>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "order/rank_order.hpp"
#include "usage.hpp"
#include "virtual_store.hpp"

namespace {

using namespace ringfeed;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void start(VirtualSize size, int ranks, std::uint32_t lanes, std::uint64_t batch) {
  const std::uint64_t before = rss_anon_bytes();
  const auto dataset =
      Dataset::open(std::make_shared<VirtualStore>(size), "virtual:", std::nullopt, "train");
  const auto begin = Clock::now();
  FeedOptions options;
  options.order.global_batch = batch;
  options.order.lanes = lanes;
  options.rank = ranks / 2;
  options.world_size = ranks;
  Feed feed(dataset, options);
  const auto got = feed.next();
  const double seconds = seconds_since(begin);
  fmt::print(
      "{{\"samples\": {}, \"batch\": {}, \"seconds\": {:.4f}, \"rss_anon_bytes\": {}, "
      "\"floor_bytes\": {}}}\n",
      dataset->size(), got->size, seconds, rss_anon_bytes() - before, feed.stats().floor_bytes);
}

void manifest(std::uint32_t blocks) {
  const Manifest made = virtual_manifest({blocks, 1000});
  auto begin = Clock::now();
  const std::string text = made.encode();
  const double encode_seconds = seconds_since(begin);
  begin = Clock::now();
  const Manifest read = Manifest::decode(text, "manifest");
  fmt::print("{{\"bytes\": {}, \"encode_seconds\": {:.3f}, \"decode_seconds\": {:.3f}}}\n",
             text.size(), encode_seconds, seconds_since(begin));
}

/// Least, mean, most and standard deviation.
std::string spread(const std::vector<std::uint64_t>& counts) {
  const auto [least, most] = std::ranges::minmax(counts);
  const double mean = static_cast<double>(std::accumulate(counts.begin(), counts.end(),
                                                          std::uint64_t{0})) /
                      static_cast<double>(counts.size());
  double squares = 0;
  for (const auto count : counts)
    squares += (static_cast<double>(count) - mean) * (static_cast<double>(count) - mean);
  return fmt::format("{{\"least\": {}, \"mean\": {:.1f}, \"most\": {}, \"deviation\": {:.1f}}}",
                     least, mean, most, std::sqrt(squares / static_cast<double>(counts.size())));
}

/// Three nodes of a ring hold a block, by its key; each is asked first for a third of the blocks.
std::size_t node_of(std::uint64_t block, std::size_t nodes) {
  const std::uint64_t place = Random(block).next();
  return (place % nodes + block % 3) % nodes;
}

void balance(VirtualSize size, int ranks, std::uint32_t lanes, std::size_t nodes) {
  OrderOptions options;
  options.lanes = lanes;
  options.global_batch = std::max<std::uint64_t>(lanes, 1024);
  const std::vector<std::uint32_t> block_samples(size.blocks, size.block_samples);
  const auto epoch = std::make_shared<const Epoch>(block_samples, options, 0);
  std::vector<std::uint64_t> per_rank(static_cast<std::size_t>(ranks));
  std::vector<std::uint64_t> per_node(nodes);
  // All ranks are as far in their part: what they ask for in a hundredth of the epoch.
  constexpr std::size_t kParts = 100;
  std::vector<std::vector<std::uint64_t>> per_part(kParts, std::vector<std::uint64_t>(nodes));
  for (int rank = 0; rank < ranks; ++rank) {
    const auto plan = ReadPlan::make(epoch, rank, ranks, 0);
    std::vector<std::uint32_t> blocks;
    while (const auto block = plan->next()) blocks.push_back(*block);
    per_rank[static_cast<std::size_t>(rank)] = blocks.size();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto node = node_of(blocks[i], nodes);
      ++per_node[node];
      ++per_part[i * kParts / blocks.size()][node];
    }
  }
  double worst = 0;
  for (const auto& part : per_part) {
    const auto sum = std::accumulate(part.begin(), part.end(), std::uint64_t{0});
    worst = std::max(worst, static_cast<double>(*std::ranges::max_element(part)) *
                                static_cast<double>(nodes) / static_cast<double>(sum));
  }
  const auto read = std::accumulate(per_rank.begin(), per_rank.end(), std::uint64_t{0});
  fmt::print(
      "{{\"blocks\": {}, \"read\": {}, \"per_rank\": {}, \"per_node\": {}, "
      "\"busiest_node_of_a_hundredth\": {:.3f}}}\n",
      size.blocks, read, spread(per_rank), spread(per_node), worst);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto number = [&](std::size_t i) { return std::stoull(arguments.at(i)); };
  const auto small = [&](std::size_t i) { return static_cast<std::uint32_t>(number(i)); };
  const std::string kind = arguments.empty() ? "" : arguments[0];
  try {
    if (kind == "start" && argc == 7) {
      start({small(1), small(2)}, static_cast<int>(number(3)), small(4), number(5));
    } else if (kind == "manifest" && argc == 3) {
      manifest(small(1));
    } else if (kind == "balance" && argc == 7) {
      balance({small(1), small(2)}, static_cast<int>(number(3)), small(4), number(5));
    } else {
      fmt::print(stderr, "usage: scale_side start|manifest|balance NUMBER...\n");
      return 2;
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
