// The page of a training run: one HTML file that needs nothing else.
#pragma once

#include <nlohmann/json.hpp>
#include <ringfeed/train.hpp>
#include <string>
#include <utility>
#include <vector>

#include "report/stalls.hpp"

namespace ringfeed {

/// An epoch that has ended, after so many steps of the run.
nlohmann::ordered_json epoch_json(const TrainProgress& progress, std::uint64_t steps);

/// Holds at most some thousand points, whatever the number of steps. Not thread-safe.
class RunPage {
 public:
  void step(const TrainStep& step);
  /// As epoch_json() makes it.
  void epoch(nlohmann::ordered_json epoch) { epochs_.push_back(std::move(epoch)); }
  void interval(const TrainInterval& interval);
  bool has_steps() const { return !points_.empty(); }

  /// `options` and `summary` as in the log's first and last line. `shown` has, each where there is
  /// one, "classes" with the names of the target's classes, and "shown" with the "samples" of the
  /// summary's evaluation as Shower gives them and the "names" of their columns.
  std::string html(const nlohmann::ordered_json& options, const nlohmann::ordered_json& summary,
                   const nlohmann::ordered_json& shown, FeedThreads threads) const;

 private:
  /// Steps in a row.
  struct Point {
    std::uint64_t steps = 0;  ///< the last one's
    std::uint64_t count = 0;
    double loss = 0;  ///< of all together, like those below
    double learning_rate = 0;
    double samples = 0;
    double seconds = 0;

    /// Those that come behind.
    void add(const Point& next);
  };

  std::vector<Point> points_;
  std::uint64_t point_steps_ = 1;  ///< of each point but the last
  std::vector<TrainInterval> intervals_;
  std::size_t interval_count_ = 1;  ///< that each but the last is made of
  std::size_t last_count_ = 0;      ///< that the last is made of
  std::vector<nlohmann::ordered_json> epochs_;
};

}  // namespace ringfeed
