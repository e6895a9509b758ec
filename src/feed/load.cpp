// The first samples of a data set as one batch.
#include <algorithm>
#include <ringfeed/feed.hpp>

namespace ringfeed {

Batch load(std::string_view url, std::uint64_t n, const ConnectionOptions& connection) {
  auto dataset = Dataset::open(url, connection);
  const std::uint64_t samples = std::min(n, dataset->size());
  FeedOptions options;
  options.order.shuffle = Shuffle::kNone;
  options.order.lanes = 1;  // so that no tail joins the step
  options.order.global_batch = std::max<std::uint64_t>(samples, 1);
  Feed feed(std::move(dataset), options);
  if (samples > 0) {
    if (auto batch = feed.next()) return std::move(*batch);
  }
  return {};
}

}  // namespace ringfeed
