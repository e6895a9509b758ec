// The template is src/report/page.html, which draws what stands in it as JSON.
#include "report/page.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>

#include "report/page_template.hpp"
#include "report/stalls.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::ordered_json;

/// Beyond it, each two become one.
constexpr std::size_t kPointsMost = 2000;
constexpr std::size_t kIntervalsMost = 240;
constexpr std::string_view kPlace = "@DATA@";

/// Nothing in it ends the element that it stands in.
std::string text_in_page(const Json& data) {
  const std::string text = data.dump(-1, ' ', true, Json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace

void RunPage::step(const TrainStep& step) {
  if (points_.empty() || points_.back().count == point_steps_) points_.emplace_back();
  Point& point = points_.back();
  point.steps = step.steps;
  ++point.count;
  point.loss += step.loss;
  point.learning_rate += step.learning_rate;
  point.samples += static_cast<double>(step.samples);
  point.seconds += step.seconds;
  steps_ = step.steps;
  if (points_.size() < kPointsMost || points_.back().count < point_steps_) return;
  std::vector<Point> halved;
  for (std::size_t i = 0; i + 1 < points_.size(); i += 2) {
    Point two = points_[i + 1];
    two.count += points_[i].count;
    two.loss += points_[i].loss;
    two.learning_rate += points_[i].learning_rate;
    two.samples += points_[i].samples;
    two.seconds += points_[i].seconds;
    halved.push_back(two);
  }
  points_ = std::move(halved);
  point_steps_ *= 2;
}

void RunPage::epoch(const TrainProgress& progress) { epochs_.push_back({progress, steps_}); }

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

std::string RunPage::html(const Json& options, const Json& summary, int read_threads,
                          int assemble_threads) const {
  Json data = {{"options", options},
               {"summary", summary},
               {"ended", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))}};
  Json& steps = data["steps"] = Json::array();
  for (const auto& point : points_) {
    const auto count = static_cast<double>(point.count);
    steps.push_back({point.steps, point.loss / count, point.learning_rate / count, point.samples,
                     point.seconds});
  }
  Json& epochs = data["epochs"] = Json::array();
  for (const auto& [progress, at] : epochs_) {
    Json epoch = {{"epoch", progress.epoch}, {"steps", at}, {"loss", progress.loss.value_or(0)}};
    if (progress.val_loss) epoch["val_loss"] = *progress.val_loss;
    if (progress.val_accuracy) epoch["val_accuracy"] = *progress.val_accuracy;
    epochs.push_back(std::move(epoch));
  }
  Json& intervals = data["intervals"] = Json::array();
  Json& stalls = data["stalls"] = Json::array();
  for (const auto& interval : intervals_) {
    Json ranks = Json::array();
    for (const auto& rank : interval.ranks)
      ranks.push_back(
          {rank.total, rank.wait, rank.forward, rank.backward, rank.all_reduce, rank.optimizer});
    intervals.push_back({{"begin", interval.begin}, {"end", interval.end}, {"ranks", ranks}});
  }
  for (const auto& [begin, end, finding] :
       find_stalls(intervals_, read_threads, assemble_threads)) {
    stalls.push_back(
        {{"begin", begin}, {"end", end}, {"lost", finding.lost}, {"cause", finding.text}});
  }
  data["verdict"] = find_limit(merged(intervals_).ranks, read_threads, assemble_threads).text;
  std::string page(kPageTemplate);
  page.replace(page.find(kPlace), kPlace.size(), text_in_page(data));
  return page;
}

}  // namespace ringfeed
