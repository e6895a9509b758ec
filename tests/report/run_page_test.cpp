// What a run's page holds. How it is drawn is seen in a browser: tests/browser/test_pages.py.
#include "report/run_page.hpp"

#include <gtest/gtest.h>

#include <string>

#include "report/page_data.hpp"

namespace ringfeed {
namespace {

using testing::data_of;

TEST(RunPage, ALongRunIsAFewPointsWithTheSameSums) {
  RunPage page;
  constexpr std::uint64_t kSteps = 123'456;
  for (std::uint64_t i = 1; i <= kSteps; ++i) {
    page.step({.epoch = 0,
               .step = i - 1,
               .steps = i,
               .samples = 10,
               .loss = 2,
               .learning_rate = 0.5,
               .seconds = 0.25});
    if (i % 50 == 0) {
      const double end = 0.25 * static_cast<double>(i);
      page.interval({.steps = i,
                     .begin = end - 12.5,
                     .end = end,
                     .ranks = {{.total = 12.5, .forward = 12.5}}});
    }
  }
  const std::string html = page.html({}, {}, {}, {});
  EXPECT_LT(html.size(), 400'000u);
  const auto data = data_of(html);
  double samples = 0, seconds = 0;
  for (const auto& point : data.at("steps")) {
    EXPECT_EQ(point[1], 2.0);
    EXPECT_EQ(point[2], 0.5);
    samples += point[3].get<double>();
    seconds += point[4].get<double>();
  }
  EXPECT_GT(data.at("steps").size(), 900u);
  EXPECT_EQ(data.at("steps").back()[0], kSteps);
  EXPECT_EQ(samples, 10.0 * kSteps);
  EXPECT_EQ(seconds, 0.25 * kSteps);
  double total = 0;
  for (const auto& interval : data.at("intervals"))
    total += interval.at("ranks")[0][0].get<double>();
  EXPECT_LE(data.at("intervals").size(), 240u);
  EXPECT_NEAR(total, 12.5 * static_cast<double>(kSteps / 50), 1e-6);
}

TEST(RunPage, WhateverIsShownBesideThemIntervalsAreThere) {
  RunPage page;
  for (int i = 0; i < 3; ++i) {
    page.interval({.steps = 1,
                   .begin = static_cast<double>(i),
                   .end = i + 1.0,
                   .ranks = {{.total = 1, .forward = 1}}});
  }
  nlohmann::ordered_json shown = nlohmann::ordered_json::object();
  for (std::size_t members = 0; members < 10; ++members) {
    const auto data = data_of(page.html({}, {}, shown, {}));
    EXPECT_EQ(data.at("intervals").size(), 3u) << members;
    EXPECT_EQ(data.at("intervals")[2].at("end"), 3.0) << members;
    EXPECT_TRUE(data.at("stalls").is_array()) << members;
    shown["shown" + std::to_string(members)] = members;
  }
}

TEST(RunPage, NothingInItsDataEndsTheScript) {
  RunPage page;
  const std::string name = "a</script><img src=x>\xff";
  const std::string html = page.html({{"url", name}}, {}, {}, {});
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_EQ(data_of(html).at("options").at("url"), "a</script><img src=x>\xEF\xBF\xBD");
  EXPECT_EQ(html.find("http://"), html.find("http://www.w3.org/2000/svg"));  // a name, no address
}

}  // namespace
}  // namespace ringfeed
