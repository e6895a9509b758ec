// A rank that waits for its batch is held up by its feed; one that waits in the all-reduce by
// another rank, or by the exchange itself.
#include "report/stalls.hpp"

#include <fmt/format.h>

#include <algorithm>
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
/// A rank that needs so much more of the time than the next is the slow one.
constexpr double kSlowRank = 1.3;

double share(double part, double total) { return total > 0 ? part / total : 0; }
int percent(double value) { return static_cast<int>(100 * value + 0.5); }

/// All that a rank does itself: the others wait for it in the all-reduce.
double own_seconds(const TrainSeconds& seconds) { return seconds.total - seconds.all_reduce; }

Finding find_feed_limit(const TrainSeconds& rank, int read_threads, int assemble_threads) {
  Finding finding{.lost = rank.wait};
  const double assembling = share(rank.assemble, rank.total * assemble_threads);
  const double checking = share(rank.check, rank.total * read_threads);
  const double storing = share(rank.store, rank.total * assemble_threads);
  const int waited = percent(share(rank.wait, rank.total));
  if (assembling > storing && assembling > kBusyShare) {
    finding.limit = Limit::kAssembly;
    finding.text = fmt::format(
        "Training waited for data {} % of the time while copying samples into batches kept its "
        "threads busy: more {} help.",
        waited, option_name("assemble-threads"));
  } else if (checking > kBusyShare) {
    finding.limit = Limit::kCheck;
    finding.text = fmt::format(
        "Training waited for data {} % of the time while checking and decoding blocks kept its "
        "threads busy: more {} help.",
        waited, option_name("read-threads"));
  } else {
    finding.limit = Limit::kStore;
    finding.text = fmt::format(
        "Training waited for data {} % of the time, and the feed for the store: a nearer or faster "
        "store, a cache ({}), or more {} help.",
        waited, option_name("cache"), option_name("prefetch-bytes"));
  }
  return finding;
}

TrainSeconds sum_of(std::span<const TrainSeconds> ranks) {
  TrainSeconds sum;
  for (const auto& rank : ranks) {
    for (const auto part : kTrainParts) sum.*part += rank.*part;
  }
  return sum;
}

}  // namespace

Finding find_limit(std::span<const TrainSeconds> ranks, int read_threads, int assemble_threads) {
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
  if (feed_is_slow) finding = find_feed_limit(*slowest, read_threads, assemble_threads);
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

std::vector<Stall> find_stalls(std::span<const TrainInterval> intervals, int read_threads,
                               int assemble_threads) {
  std::vector<Stall> stalls;
  std::size_t first = 0;  // of the intervals that are the last stall
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const auto& here = intervals[i];
    Finding finding = find_limit(here.ranks, read_threads, assemble_threads);
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
    stalls.back() = {whole.begin, whole.end,
                     find_limit(whole.ranks, read_threads, assemble_threads)};
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
  return whole;
}

}  // namespace ringfeed
