// Meters: what a feed or a run measures of itself. They are counters, levels and histograms of
// time, by name. Names and labels are those that Prometheus is given (docs/meters.md lists them).
//
//   for (const auto& meter : feed.meters()) log(meter.name, meter.value);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed {

/// Kinds of meters.
enum class MeterKind {
  kCounter,    ///< figure that only grows
  kGauge,      ///< figure that goes up and down
  kHistogram,  ///< durations in seconds
};

/// One figure at one moment.
struct Meter {
  /// A bucket of a histogram: how many durations were at most `seconds` long.
  struct Bucket {
    double seconds = 0;
    std::uint64_t count = 0;
  };
  using Labels = std::vector<std::pair<std::string, std::string>>;

  std::string name;  ///< "ringfeed_..."; bytes and seconds are the units
  std::string help;  ///< one line
  MeterKind kind = MeterKind::kCounter;
  Labels labels = {};       ///< names and values
  double value = 0;         ///< figure; of a histogram the sum of the durations
  std::uint64_t count = 0;  ///< durations, of a histogram
  std::vector<Bucket> buckets =
      {};  ///< histogram only: ascending; the longest duration may be beyond
};

/// Figures at one moment.
using Meters = std::vector<Meter>;

/// The sum of `value` over all meters of that name; 0 when there is none.
double sum_of(std::span<const Meter> meters, std::string_view name);
/// The duration that the share `quantile` (0 to 1) of a histogram's durations does not exceed,
/// rounded up to a bucket's bound: at most twice what it is. 0 without durations.
double quantile_of(const Meter& histogram, double quantile);
/// Adds the durations of another histogram to one.
void add_durations(Meter& histogram, const Meter& other);
/// Takes away the durations that a histogram had at an earlier moment.
void take_durations(Meter& histogram, const Meter& earlier);
/// Writes both lists of labels as Prometheus does, `{name="value",...}`; empty without any.
std::string labels_text(const Meter::Labels& first, const Meter::Labels& second = {});
/// Writes meters in Prometheus's text format; `labels` are put before each meter's own.
std::string prometheus_text(std::span<const Meter> meters, const Meter::Labels& labels = {});

}  // namespace ringfeed
