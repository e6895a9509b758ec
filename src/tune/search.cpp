// All combinations of a few values of each option: some hundreds of sums.
#include "tune/search.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace ringfeed::tune {
namespace {

constexpr std::size_t kTries = 3;
/// Promises within so much of each other are the same.
constexpr double kSame = 0.02;

/// The value of the run, and powers of two up to the cores.
std::vector<int> thread_counts(int start, int cores) {
  std::vector<int> counts = {start};
  for (int count = 1; count <= cores; count *= 2) {
    if (count != start) counts.push_back(count);
  }
  return counts;
}

int changes(const Settings& a, const Settings& b) {
  return (a.ranks != b.ranks) + (a.threads != b.threads) + (a.read_threads != b.read_threads) +
         (a.assemble_threads != b.assemble_threads) + (a.prefetch_bytes != b.prefetch_bytes) +
         (a.connections != b.connections) + (a.in_flight_bytes != b.in_flight_bytes) +
         (a.data_parallel != b.data_parallel) + (a.lanes != b.lanes) + (a.window != b.window);
}

class Search {
 public:
  Search(const Measured& measured, const SearchOptions& options)
      : measured_(measured), options_(options) {}

  Candidate judged(const Settings& settings) const {
    return judged(settings, options_.needs(settings).value_or(Needs()).floor_bytes);
  }

  std::vector<Candidate> all() const {
    std::vector<LanesAndWindow> orders = {{options_.start.lanes, options_.start.window}};
    orders.insert(orders.end(), options_.orders.begin(), options_.orders.end());
    std::vector<Candidate> candidates;
    for (const auto& model : measured_.models) {
      for (const auto& [lanes, window] : orders) {
        Settings settings = options_.start;
        settings.ranks = model.ranks;
        settings.threads = model.threads;
        settings.data_parallel = model.data_parallel;
        settings.lanes = lanes;
        settings.window = window;
        if (const auto needs = options_.needs(settings)) add_feeds(settings, *needs, candidates);
      }
    }
    return candidates;
  }

 private:
  Candidate judged(const Settings& settings, std::uint64_t floor) const {
    const std::uint64_t spare =
        settings.prefetch_bytes > floor ? settings.prefetch_bytes - floor : 0;
    return {settings, predict(stages_of(measured_, settings, spare), options_.cores)};
  }

  void add_feeds(Settings settings, const Needs& needs, std::vector<Candidate>& candidates) const {
    for (const auto& store : measured_.stores) {
      settings.connections = store.connections;
      settings.in_flight_bytes = store.in_flight_bytes;
      for (const int read : thread_counts(options_.start.read_threads, options_.cores)) {
        settings.read_threads = read;
        for (const int assemble : thread_counts(options_.start.assemble_threads, options_.cores)) {
          settings.assemble_threads = assemble;
          add_budgets(settings, needs, candidates);
        }
      }
    }
  }

  void add_budgets(Settings settings, const Needs& needs,
                   std::vector<Candidate>& candidates) const {
    const std::uint64_t most = options_.memory_bytes / static_cast<std::uint64_t>(settings.ranks);
    const std::uint64_t now = options_.start.prefetch_bytes;
    const auto add = [&](std::uint64_t bytes) {
      settings.prefetch_bytes = bytes;
      if (bytes <= most && bytes >= needs.least_bytes)
        candidates.push_back(judged(settings, needs.floor_bytes));
    };
    for (std::uint64_t times = 1; times <= kReadAheadMax; times *= 2) add(times * now);
    if (most < now) add(most);
  }

  const Measured& measured_;
  const SearchOptions& options_;
};

}  // namespace

Proposals search(const Measured& measured, const SearchOptions& options) {
  const Search search(measured, options);
  Proposals proposals{search.judged(options.start), {}};
  const double now = proposals.start.prediction.samples_per_second;
  std::vector<Candidate> candidates = search.all();
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return candidate.prediction.samples_per_second < now * (1 + kSame);
  });
  const auto rank_of = [&](const Candidate& candidate) {
    const double promise = candidate.prediction.samples_per_second;
    return std::tuple(-std::floor(std::log(promise) / std::log1p(kSame)),
                      changes(candidate.settings, options.start), -promise);
  };
  std::ranges::stable_sort(candidates, {}, rank_of);
  for (const auto& candidate : candidates) {
    const bool is_new = std::ranges::none_of(proposals.better, [&](const Candidate& other) {
      const Settings& a = other.settings;
      const Settings& b = candidate.settings;
      return a.ranks == b.ranks && a.threads == b.threads && a.data_parallel == b.data_parallel &&
             a.lanes == b.lanes && a.window == b.window;
    });
    if (is_new && proposals.better.size() < kTries) proposals.better.push_back(candidate);
  }
  return proposals;
}

}  // namespace ringfeed::tune
