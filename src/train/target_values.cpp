// Where the manifest does not know the range: reads one column of every split, in storage order,
// divided among the ranks.
#include "train/target_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <ringfeed/error.hpp>
#include <ringfeed/feed.hpp>

namespace ringfeed {
namespace {

constexpr std::uint64_t kScanBatch = 4096;

/// Of all values seen; as doubles, which hold every label up to kClassesMax exactly.
struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  void take(const torch::Tensor& values) {
    // NaN is neither below nor above anything: let it show as an infinite value.
    const auto numbers = values.to(torch::kFloat64)
                             .nan_to_num(std::numeric_limits<double>::infinity(),
                                         std::numeric_limits<double>::infinity(),
                                         -std::numeric_limits<double>::infinity());
    least = std::min(least, numbers.min().item<double>());
    most = std::max(most, numbers.max().item<double>());
  }
};

void scan_split(const std::shared_ptr<const Dataset>& dataset, const TrainOptions& options,
                const std::string& column, ProcessGroup& group, Range& range) {
  const auto ranks = static_cast<int>(
      std::min<std::uint64_t>(static_cast<std::uint64_t>(group.size()), dataset->size()));
  if (group.rank() >= ranks) return;
  FeedOptions feed_options;
  feed_options.order.shuffle = Shuffle::kNone;
  feed_options.order.tail = Tail::kJoin;  // all samples, on any number of ranks
  feed_options.order.lanes = std::max(options.lanes, static_cast<std::uint32_t>(ranks));
  feed_options.order.global_batch = kScanBatch * static_cast<std::uint64_t>(ranks);
  feed_options.rank = group.rank();
  feed_options.world_size = ranks;
  feed_options.columns = {column};
  feed_options.prefetch_bytes = options.prefetch_bytes;
  Feed feed(dataset, std::move(feed_options));
  while (const auto batch = feed.next()) {
    if (options.stop.stop_requested())
      throw Error(ErrorCode::kCancelled, "interrupted while the labels were counted");
    range.take(to_tensor(batch->columns.front()));
  }
}

/// Of all splits: as the manifest says where it does, else by reading them.
Range range_of(const std::shared_ptr<const Dataset>& dataset, const TrainOptions& options,
               const std::string& column, ProcessGroup& group) {
  if (const auto known = dataset->manifest().range(dataset->schema().index_of(column)))
    return {static_cast<double>(known->least), static_cast<double>(known->most)};
  Range range;
  for (const auto& split : dataset->manifest().splits) {
    scan_split(dataset->with_split(split), options, column, group, range);
  }
  const auto ends = torch::tensor({-range.least, range.most}, torch::kFloat64);
  group.all_reduce(ends, Reduce::kMax);
  return {-ends[0].item<double>(), ends[1].item<double>()};
}

}  // namespace

std::int64_t check_target_values(const std::shared_ptr<const Dataset>& dataset,
                                 const TrainOptions& options, LossKind loss, ProcessGroup& group) {
  const auto [least, most] = range_of(dataset, options, options.target, group);
  if (loss == LossKind::kBce) {
    if (least < 0 || most > 1) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("loss bce needs targets from 0 to 1; '{}' has values from {} to {}; "
                              "use cross_entropy for "
                              "more than two classes, mse for numbers",
                              options.target, least, most));
    }
    return 0;
  }
  if (least < 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("loss cross_entropy needs labels from 0; '{}' has {}", options.target, least));
  }
  if (most >= static_cast<double>(kClassesMax)) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "column '{}' has the label {}: over the limit of {} classes; is it a class label?",
            options.target, most, kClassesMax));
  }
  return static_cast<std::int64_t>(most) + 1;
}

std::int64_t count_token_ids(const std::shared_ptr<const Dataset>& dataset,
                             const TrainOptions& options, const std::string& column,
                             ProcessGroup& group) {
  const auto [least, most] = range_of(dataset, options, column, group);
  if (least < 0 || most >= static_cast<double>(kClassesMax)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("model transformer takes token ids from 0 to {}; '{}' has {}",
                            kClassesMax - 1, column, least < 0 ? least : most));
  }
  return static_cast<std::int64_t>(most) + 1;
}

}  // namespace ringfeed
