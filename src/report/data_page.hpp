// The page of a data set: what its columns hold, some samples, and how an order mixes classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <ringfeed/batch.hpp>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "report/shown.hpp"

namespace ringfeed {

/// Gets the batches of an order, and holds of them what the page shows: some hundred KiB, whatever
/// their number. Not thread-safe.
class DataPage {
 public:
  explicit DataPage(Schema schema);

  /// All columns of the schema, in its order.
  void add(const Batch& batch);

  /// Counted so far.
  std::uint64_t samples() const noexcept { return samples_; }

  /// `about`: url, version, splits and whatever else stands at the head of the page.
  std::string html(const nlohmann::ordered_json& about) const;

 private:
  /// Values, or the lengths of what has no value as a number.
  struct Numbers {
    std::uint64_t count = 0;
    std::uint64_t not_finite = 0;
    double least = 0;
    double most = 0;
    double mean = 0;
    double squares = 0;         ///< of the distances from the mean, summed
    std::vector<double> first;  ///< of which the histogram is made

    void add(double value);
    nlohmann::ordered_json json() const;
  };

  /// How often values of few kinds came.
  struct Kinds {
    /// Beginning and count, by the hash of the whole.
    std::unordered_map<std::uint64_t, std::pair<std::string, std::uint64_t>> texts;
    std::map<std::int64_t, std::uint64_t> numbers;
    bool too_many = false;
  };

  struct Part {
    Numbers numbers;
    Kinds kinds;
    std::vector<std::map<std::int64_t, std::uint64_t>> batches;  ///< by class, of the first ones
  };

  void add_column(const ColumnSpec& spec, const Column& column, std::int64_t samples, Part& part);
  nlohmann::ordered_json column_json(const ColumnSpec& spec, const Part& part) const;

  const Schema schema_;
  std::vector<Part> parts_;  ///< of each column that is shown
  std::vector<nlohmann::ordered_json> shown_;
  Shower shower_;
  std::uint64_t samples_ = 0;
};

}  // namespace ringfeed
