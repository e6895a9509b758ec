// Each split is read once, by a thread of its reader, ahead of the thread that looks at samples.
#include "compare/split_walk.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <ringfeed/error.hpp>

#include "base/lost_pages.hpp"
#include "base/option.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;
constexpr std::uint64_t kReadAheadBytes = std::uint64_t{32} << 20;

}  // namespace

std::vector<ComparedSplit> splits_of(std::string_view url, const ConnectionOptions& connection) {
  std::vector<ComparedSplit> splits;
  for (auto& dataset : Dataset::open_splits(url, connection))
    splits.push_back({{std::string(url), dataset->split()}, dataset});
  return splits;
}

SampleName name_of(const std::vector<ComparedSplit>& splits, SampleId id) {
  return {splits[id.split()].name, id.number()};
}

void check_stop(const CompareOptions& options) {
  if (options.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
}

void check_options(const CompareOptions& options, const std::vector<ComparedSplit>& splits) {
  check_bounds("memory", options.memory_bytes);
  if (splits.size() > kComparedSplitsMax) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} splits are too many to compare at once; {} are the most",
                            splits.size(), kComparedSplitsMax));
  }
}

void walk(const std::vector<ComparedSplit>& splits, const CompareOptions& options,
          const VisitSample& visit) {
  std::uint64_t total = 0;
  for (const auto& split : splits) total += split.dataset->bytes();
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    const Dataset& dataset = *splits[i].dataset;
    const Schema schema = splits[i].schema();
    auto reader = dataset.reader(kReadThreads, splits[i].read);
    BlocksAhead ahead(std::move(reader), kReadAheadBytes);
    std::uint64_t number = 0;
    while (!ahead.at_end()) {
      check_stop(options);
      const Chunk chunk = ahead.take();
      const LostPages lost;
      const auto views = column_views(*chunk.columns(), schema);

      for (std::size_t row = 0; row < chunk.samples(); ++row)
        visit(SampleId(i, number++), views, row);
      lost.check();
      // In bytes of all columns, of which some may be read.
      const double share = static_cast<double>(number) / static_cast<double>(dataset.size());
      const auto of_split =
          static_cast<std::uint64_t>(share * static_cast<double>(dataset.bytes()));
      if (options.progress) options.progress("reading", done + of_split, total);
    }
    done += dataset.bytes();
  }
}

}  // namespace ringfeed
