// Histograms, and the text that Prometheus reads.
#include "base/meter.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <map>

namespace ringfeed {
namespace {

/// Below it all durations are one bucket: 1.024 us.
constexpr std::size_t kFirstShown = 10;

std::string escaped(std::string_view text, bool quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '"' && quotes) {
      result += "\\\"";
    } else {
      result += c;
    }
  }
  return result;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

const char* name_of(MeterKind kind) {
  switch (kind) {
    case MeterKind::kCounter:
      return "counter";
    case MeterKind::kGauge:
      return "gauge";
    case MeterKind::kHistogram:
      return "histogram";
  }
  return "untyped";
}

void append_lines(std::string& text, const Meter& meter, const Meter::Labels& labels) {
  const auto line = [&](std::string_view ending, std::string_view bound, std::string_view value) {
    Meter::Labels own = meter.labels;
    if (!bound.empty()) own.emplace_back("le", bound);
    fmt::format_to(std::back_inserter(text), "{}{}{} {}\n", meter.name, ending,
                   labels_text(labels, own), value);
  };
  if (meter.kind != MeterKind::kHistogram) return line("", "", number_text(meter.value));
  for (const auto& bucket : meter.buckets)
    line("_bucket", number_text(bucket.seconds), std::to_string(bucket.count));
  line("_bucket", "+Inf", std::to_string(meter.count));
  line("_sum", "", number_text(meter.value));
  line("_count", "", std::to_string(meter.count));
}

/// What this thread has run on a core so far.
std::chrono::nanoseconds thread_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

void TimeHistogram::record(Clock::duration time) noexcept {
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::nanoseconds>(time).count()));
  const auto bits = static_cast<std::size_t>(std::bit_width(nanoseconds));
  nanoseconds_.fetch_add(nanoseconds, std::memory_order_relaxed);
  counts_[std::min(bits, kBuckets - 1)].fetch_add(1, std::memory_order_relaxed);
}

Meter TimeHistogram::meter(std::string name, std::string help, Meter::Labels labels) const {
  Meter meter{.name = std::move(name),
              .help = std::move(help),
              .kind = MeterKind::kHistogram,
              .labels = std::move(labels),
              .value = seconds()};
  for (std::size_t bits = 0; bits < kBuckets; ++bits) {
    meter.count += counts_[bits].load(std::memory_order_relaxed);
    if (bits >= kFirstShown && bits + 1 < kBuckets)
      meter.buckets.push_back({1e-9 * std::ldexp(1.0, static_cast<int>(bits)), meter.count});
  }
  return meter;
}

CheckMeter::Span::Span(CheckMeter& meter)
    : meter_(meter), start_(TimeHistogram::Clock::now()), on_core_(thread_time()) {}

CheckMeter::Span::~Span() {
  const auto time = TimeHistogram::Clock::now() - start_;
  const auto waited = time - (thread_time() - on_core_);
  meter_.times_.record(time);
  if (waited.count() > 0)
    meter_.waited_nanoseconds_.add(static_cast<std::uint64_t>(waited.count()));
}

void CheckMeter::add_to(Meters& meters, const Meter::Labels& labels) const {
  meters.push_back(times_.meter("ringfeed_check_seconds",
                                "Checking a block, or decoding it, on the threads of the store.",
                                labels));
  meters.push_back({.name = "ringfeed_check_wait_seconds_total",
                    .help =
                        "Of these, seconds in which the thread was not on a core: it waited for "
                        "the disk, or for a core.",
                    .labels = labels,
                    .value = 1e-9 * static_cast<double>(waited_nanoseconds_.value())});
}

double sum_of(std::span<const Meter> meters, std::string_view name) {
  double sum = 0;
  for (const auto& meter : meters) sum += meter.name == name ? meter.value : 0;
  return sum;
}

double quantile_of(const Meter& histogram, double quantile) {
  if (histogram.count == 0 || histogram.buckets.empty()) return 0;
  const double wanted = quantile * static_cast<double>(histogram.count);
  const auto found = std::ranges::find_if(histogram.buckets, [&](const Meter::Bucket& bucket) {
    return static_cast<double>(bucket.count) >= wanted;
  });
  return found != histogram.buckets.end() ? found->seconds : histogram.buckets.back().seconds * 2;
}

void add_durations(Meter& histogram, const Meter& other) {
  histogram.value += other.value;
  histogram.count += other.count;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i)
    histogram.buckets[i].count += other.buckets[i].count;
}

void take_durations(Meter& histogram, const Meter& earlier) {
  histogram.value -= earlier.value;
  histogram.count -= earlier.count;
  for (std::size_t i = 0; i < histogram.buckets.size(); ++i)
    histogram.buckets[i].count -= earlier.buckets[i].count;
}

std::string labels_text(const Meter::Labels& first, const Meter::Labels& second) {
  std::string text;
  for (const auto* labels : {&first, &second}) {
    for (const auto& [name, value] : *labels) {
      fmt::format_to(std::back_inserter(text), "{}{}=\"{}\"", text.empty() ? "{" : ",", name,
                     escaped(value, true));
    }
  }
  return text.empty() ? text : text + "}";
}

std::string prometheus_text(std::span<const Meter> meters, const Meter::Labels& labels) {
  std::map<std::string_view, std::vector<const Meter*>> by_name;  // as the format wants them
  for (const auto& meter : meters) by_name[meter.name].push_back(&meter);
  std::string text;
  for (const auto& [name, same] : by_name) {
    fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name,
                   escaped(same.front()->help, false), name, name_of(same.front()->kind));
    for (const auto* meter : same) append_lines(text, *meter, labels);
  }
  return text;
}

}  // namespace ringfeed
