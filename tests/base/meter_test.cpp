// Histograms, sums over meters, and Prometheus's text. That its own parser reads it, and the values
// of a whole run, are in tests/program/test_record.py.
#include "base/meter.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>
#include <vector>

namespace ringfeed {
namespace {

using namespace std::chrono_literals;

TEST(TimeHistogram, CountsEachDurationInThePowerOfTwoAboveIt) {
  TimeHistogram histogram;
  for (const auto time : {0ns, 1ns, 1023ns, 1024ns, 2047ns, 2048ns}) histogram.record(time);
  histogram.record(1h);    // beyond the last bucket
  histogram.record(-5ns);  // of a clock that was set back: none, but counted
  const Meter meter = histogram.meter("ringfeed_x_seconds", "X.");
  EXPECT_EQ(meter.count, 8u);
  ASSERT_GE(meter.buckets.size(), 3u);
  EXPECT_DOUBLE_EQ(meter.buckets[0].seconds, 1024e-9);
  EXPECT_EQ(meter.buckets[0].count, 4u);
  EXPECT_DOUBLE_EQ(meter.buckets[1].seconds, 2048e-9);
  EXPECT_EQ(meter.buckets[1].count, 6u);
  EXPECT_EQ(meter.buckets[2].count, 7u);
  EXPECT_EQ(meter.buckets.back().count, 7u);
  EXPECT_NEAR(meter.value, 3600, 1e-3);
}

TEST(TimeHistogram, OfManyThreadsLosesNothing) {
  TimeHistogram histogram;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 10'000; ++j) histogram.record(1us);
      });
    }
  }
  EXPECT_EQ(histogram.meter("x", "").count, 40'000u);
  EXPECT_DOUBLE_EQ(histogram.seconds(), 0.04);
}

TEST(CheckMeter, ToldApartIsWhatWasNotOnACore) {
  CheckMeter meter;
  {
    const CheckMeter::Span span(meter);
    std::this_thread::sleep_for(50ms);
  }
  Meters meters;
  meter.add_to(meters, {{"store", "cache"}});
  EXPECT_GE(sum_of(meters, "ringfeed_check_wait_seconds_total"), 0.04);
  EXPECT_LE(sum_of(meters, "ringfeed_check_wait_seconds_total"),
            sum_of(meters, "ringfeed_check_seconds"));
  const double waited = sum_of(meters, "ringfeed_check_wait_seconds_total");
  {
    const CheckMeter::Span span(meter);
    const auto begin = std::clock();
    while (std::clock() - begin < CLOCKS_PER_SEC / 10) continue;
  }
  meters.clear();
  meter.add_to(meters);
  const double worked = sum_of(meters, "ringfeed_check_seconds") -
                        sum_of(meters, "ringfeed_check_wait_seconds_total");
  EXPECT_GE(worked, 0.09);
  EXPECT_GE(sum_of(meters, "ringfeed_check_wait_seconds_total"), waited);
}

TEST(Meters, QuantilesAreAtMostTwiceTheDuration) {
  TimeHistogram histogram;
  for (int i = 0; i < 99; ++i) histogram.record(10us);
  histogram.record(1s);
  const Meter meter = histogram.meter("x", "");
  EXPECT_GE(quantile_of(meter, 0.5), 10e-6);
  EXPECT_LE(quantile_of(meter, 0.5), 20e-6);
  EXPECT_GE(quantile_of(meter, 1.0), 1.0);
  EXPECT_LE(quantile_of(meter, 1.0), 2.0);
  EXPECT_EQ(quantile_of(TimeHistogram().meter("x", ""), 0.5), 0);
}

TEST(Meters, TheTextHasEachNameOnceAndItsLabelsEscaped) {
  const Meters meters = {counter_meter("ringfeed_a_total", "A\nline.", 3, {{"node", "x\"y\\z"}}),
                         gauge_meter("ringfeed_b", "B.", 0.5),
                         counter_meter("ringfeed_a_total", "A\nline.", 4, {{"node", "other"}})};
  EXPECT_EQ(prometheus_text(meters, {{"rank", "0"}}),
            "# HELP ringfeed_a_total A\\nline.\n"
            "# TYPE ringfeed_a_total counter\n"
            "ringfeed_a_total{rank=\"0\",node=\"x\\\"y\\\\z\"} 3\n"
            "ringfeed_a_total{rank=\"0\",node=\"other\"} 4\n"
            "# HELP ringfeed_b B.\n"
            "# TYPE ringfeed_b gauge\n"
            "ringfeed_b{rank=\"0\"} 0.5\n");
  EXPECT_EQ(sum_of(meters, "ringfeed_a_total"), 7);
  EXPECT_EQ(sum_of(meters, "ringfeed_c"), 0);
}

}  // namespace
}  // namespace ringfeed
