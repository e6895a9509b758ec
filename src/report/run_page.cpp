// The template is src/report/run.html, which draws what stands in it as JSON.
#include "report/run_page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>
#include <span>
#include <utility>

#include "report/page.hpp"
#include "report/page_templates.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

/// Beyond it, each two become one.
constexpr std::size_t kPointsMost = 2000;
constexpr std::size_t kIntervalsMost = 240;

}  // namespace

Json epoch_json(const TrainProgress& progress, std::uint64_t steps) {
  Json json = {{"epoch", progress.epoch}, {"steps", steps}, {"loss", progress.loss.value_or(0)}};
  if (progress.val_loss) json["val_loss"] = *progress.val_loss;
  if (progress.val_accuracy) json["val_accuracy"] = *progress.val_accuracy;
  for (const auto& [name, value] : progress.val_figures) json[name] = value;
  return json;
}

void RunPage::Point::add(const Point& next) {
  steps = next.steps;
  count += next.count;
  loss += next.loss;
  learning_rate += next.learning_rate;
  samples += next.samples;
  seconds += next.seconds;
}

void RunPage::step(const TrainStep& step) {
  if (points_.empty() || points_.back().count == point_steps_) points_.emplace_back();
  points_.back().add({.steps = step.steps,
                      .count = 1,
                      .loss = step.loss,
                      .learning_rate = step.learning_rate,
                      .samples = static_cast<double>(step.samples),
                      .seconds = step.seconds});
  if (points_.size() < kPointsMost || points_.back().count < point_steps_) return;
  std::vector<Point> halved;
  for (std::size_t i = 0; i + 1 < points_.size(); i += 2) {
    halved.push_back(points_[i]);
    halved.back().add(points_[i + 1]);
  }
  points_ = std::move(halved);
  point_steps_ *= 2;
}

void RunPage::interval(const TrainInterval& interval) {
  if (intervals_.empty() || last_count_ == interval_count_) {
    intervals_.push_back(interval);
    last_count_ = 1;
  } else {
    intervals_.back() = merged(std::array{intervals_.back(), interval});
    ++last_count_;
  }
  if (intervals_.size() < kIntervalsMost || last_count_ < interval_count_) return;
  std::vector<TrainInterval> halved;
  for (std::size_t i = 0; i + 1 < intervals_.size(); i += 2)
    halved.push_back(merged(std::span(intervals_).subspan(i, 2)));
  intervals_ = std::move(halved);
  interval_count_ *= 2;
  last_count_ = interval_count_;
}

std::string RunPage::html(const Json& options, const Json& summary, const Json& shown,
                          FeedThreads threads) const {
  Json data = {{"options", options},
               {"summary", summary},
               {"ended", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))}};
  for (const auto& [name, value] : shown.items()) data[name] = value;
  Json steps = Json::array();
  for (const auto& point : points_) {
    const auto count = static_cast<double>(point.count);
    steps.push_back({point.steps, point.loss / count, point.learning_rate / count, point.samples,
                     point.seconds});
  }
  Json intervals = Json::array();
  Json stalls = Json::array();
  for (const auto& interval : intervals_) {
    Json ranks = Json::array();
    for (const auto& rank : interval.ranks)
      ranks.push_back(
          {rank.total, rank.wait, rank.forward, rank.backward, rank.all_reduce, rank.optimizer});
    intervals.push_back({{"begin", interval.begin}, {"end", interval.end}, {"ranks", ranks}});
  }
  for (const auto& [begin, end, finding] : find_stalls(intervals_, threads)) {
    stalls.push_back(
        {{"begin", begin}, {"end", end}, {"lost", finding.lost}, {"cause", finding.text}});
  }
  // Put in when they are whole: a new member moves those that an ordered document has.
  data["steps"] = std::move(steps);
  data["epochs"] = epochs_;
  data["intervals"] = std::move(intervals);
  data["stalls"] = std::move(stalls);
  data["verdict"] = find_limit(merged(intervals_), threads).text;
  return fill_page(kRunTemplate, data);
}

}  // namespace ringfeed
