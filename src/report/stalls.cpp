// A rank that waits for its batch is held up by its feed; one that waits in the all-reduce by
// another rank, or by the exchange itself.
#include "report/stalls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/option.hpp"

namespace ringfeed {
namespace {

/// An interval that lost less of its time is no stall.
constexpr double kStallShare = 0.2;
/// Waiting for data below it is no limit.
constexpr double kWaitShare = 0.1;
/// A thread that works for more of the time is busy.
constexpr double kBusyShare = 0.5;
/// All-reduce above it is the limit.
constexpr double kAllReduceShare = 0.4;
/// A node whose fast answers take so many times as long as those of each other is the slow one.
/// (They are known to a factor of two.)
constexpr double kSlowNode = 4;
/// A rank that needs so much more of the time than the next is the slow one.
constexpr double kSlowRank = 1.3;

double share(double part, double total) { return total > 0 ? part / total : 0; }
int percent(double value) { return static_cast<int>(100 * value + 0.5); }

/// All that a rank does itself: the others wait for it in the all-reduce.
double own_seconds(const TrainSeconds& seconds) { return seconds.total - seconds.all_reduce; }

/// What a node needs for an answer at least when nothing waits before it: the longest of its
/// fastest quarter.
double fast_answer(const NodeAnswers& node) { return quantile_of(node.times, 0.25); }

/// The node that needs much longer for an answer than each other; null when there is none.
const NodeAnswers* find_slow_node(std::span<const NodeAnswers> nodes) {
  const NodeAnswers* slowest = nullptr;
  double others = 0;
  for (const auto& node : nodes) {
    if (slowest == nullptr || fast_answer(node) > fast_answer(*slowest)) slowest = &node;
  }
  for (const auto& node : nodes) {
    if (&node != slowest) others = std::max(others, fast_answer(node));
  }
  return others > 0 && fast_answer(*slowest) >= kSlowNode * others ? slowest : nullptr;
}

Finding find_feed_limit(const TrainInterval& interval, const TrainSeconds& rank,
                        FeedThreads threads) {
  const double assembling = share(rank.assemble, rank.total * threads.assemble);
  const double checking = share(rank.check, rank.total * threads.read);
  const double storing = share(rank.store, rank.total * threads.assemble);
  const auto waited_for = [&](Limit limit, std::string_view why) {
    return Finding{.limit = limit,
                   .lost = rank.wait,
                   .text = fmt::format("Training waited for data {} % of the time{}",
                                       percent(share(rank.wait, rank.total)), why)};
  };
  if (assembling > storing && assembling > kBusyShare) {
    return waited_for(Limit::kAssembly,
                      fmt::format(" while copying samples into batches kept its threads busy: more "
                                  "{} help.",
                                  option_name("assemble-threads")));
  }
  if (checking > kBusyShare && share(rank.disk, rank.check) > kBusyShare) {
    return waited_for(Limit::kDisk, fmt::format(", and the feed for the disk: a faster disk, more "
                                                "memory for its pages, or more {} help.",
                                                option_name("read-threads")));
  }
  if (checking > kBusyShare) {
    return waited_for(Limit::kCheck,
                      fmt::format(" while checking and decoding blocks kept its threads busy: more "
                                  "{} help.",
                                  option_name("read-threads")));
  }
  if (share(rank.budget, rank.store) > kBusyShare) {
    return waited_for(Limit::kBudget,
                      fmt::format(" while the store was idle, as the feed may hold no more blocks: "
                                  "more {} help.",
                                  option_name("prefetch-bytes")));
  }
  if (const auto* node = find_slow_node(interval.nodes)) {
    return waited_for(
        Limit::kNode,
        fmt::format(", and the feed for node {}, which took {:.0f} ms for an answer, "
                    "longer than the others: is it busy, or far?",
                    node->node,
                    1e3 * share(node->times.value, static_cast<double>(node->times.count))));
  }
  return waited_for(Limit::kStore, fmt::format(", and the feed for the store: a nearer or faster "
                                               "store, or a cache ({}), helps.",
                                               option_name("cache")));
}

TrainSeconds sum_of(std::span<const TrainSeconds> ranks) {
  TrainSeconds sum;
  for (const auto& rank : ranks) {
    for (const auto part : kTrainParts) sum.*part += rank.*part;
  }
  return sum;
}

}  // namespace

Finding find_limit(const TrainInterval& interval, FeedThreads threads) {
  const auto& ranks = interval.ranks;
  if (ranks.empty())
    return {.limit = Limit::kModel, .text = "Nothing was trained in this start of the run."};
  const auto slowest = std::ranges::max_element(ranks, {}, own_seconds);
  double others = 0;
  for (auto rank = ranks.begin(); rank != ranks.end(); ++rank) {
    if (rank != slowest) others = std::max(others, own_seconds(*rank));
  }
  const double most_waiting = std::ranges::max(ranks, {}, &TrainSeconds::all_reduce).all_reduce;
  const bool one_is_slow = ranks.size() > 1 && own_seconds(*slowest) > kSlowRank * others &&
                           share(most_waiting, slowest->total) > kWaitShare;
  const bool feed_is_slow = share(slowest->wait, slowest->total) > kWaitShare;
  Finding finding;
  if (feed_is_slow) finding = find_feed_limit(interval, *slowest, threads);
  if (one_is_slow) {
    const auto number = static_cast<int>(slowest - ranks.begin());
    const std::string why =
        feed_is_slow ? finding.text
                     : "Its forward and backward took longer: is its host busy or slower?";
    return {Limit::kRank, number, own_seconds(*slowest) - others,
            fmt::format("All waited for rank {}, which needed {} % more time than the others. {}",
                        number, percent(share(own_seconds(*slowest), others) - 1), why)};
  }
  if (feed_is_slow) return finding;
  const TrainSeconds sum = sum_of(ranks);
  const double exchange = share(sum.all_reduce, sum.total);
  if (exchange > kAllReduceShare) {
    return {Limit::kAllReduce, -1, sum.all_reduce / static_cast<double>(ranks.size()),
            fmt::format("The exchange of gradients between the ranks took {} % of the time: a "
                        "larger batch ({}), or fewer ranks with more {}, help.",
                        percent(exchange), option_name("batch-size"), option_name("threads"))};
  }
  return {Limit::kModel, -1, 0,
          fmt::format("The model itself: forward, backward and optimizer took {} % of the time, "
                      "waiting for data {} %.",
                      percent(share(sum.forward + sum.backward + sum.optimizer, sum.total)),
                      percent(share(sum.wait, sum.total)))};
}

std::vector<Stall> find_stalls(std::span<const TrainInterval> intervals, FeedThreads threads) {
  std::vector<Stall> stalls;
  std::size_t first = 0;  // of the intervals that are the last stall
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const auto& here = intervals[i];
    Finding finding = find_limit(here, threads);
    if (finding.lost <= kStallShare * (here.end - here.begin)) continue;
    const bool goes_on = !stalls.empty() && stalls.back().end == here.begin &&
                         stalls.back().finding.limit == finding.limit &&
                         stalls.back().finding.rank == finding.rank;
    if (!goes_on) {
      first = i;
      stalls.push_back({here.begin, here.end, std::move(finding)});
      continue;
    }
    const TrainInterval whole = merged(intervals.subspan(first, i - first + 1));
    stalls.back() = {whole.begin, whole.end, find_limit(whole, threads)};
  }
  return stalls;
}

TrainInterval merged(std::span<const TrainInterval> intervals) {
  TrainInterval whole;
  if (intervals.empty()) return whole;
  whole.begin = intervals.front().begin;
  whole.end = intervals.back().end;
  whole.steps = intervals.back().steps;
  for (std::size_t rank = 0; rank < intervals.front().ranks.size(); ++rank) {
    std::vector<TrainSeconds> of_rank;
    for (const auto& interval : intervals) of_rank.push_back(interval.ranks[rank]);
    whole.ranks.push_back(sum_of(of_rank));
  }
  for (const auto& interval : intervals) {
    for (const auto& node : interval.nodes) {
      const auto found = std::ranges::find(whole.nodes, node.node, &NodeAnswers::node);
      if (found == whole.nodes.end()) {
        whole.nodes.push_back(node);
      } else {
        add_durations(found->times, node.times);
      }
    }
  }
  return whole;
}

}  // namespace ringfeed
