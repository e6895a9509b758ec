// All samples of several data sets, brought together by what a record has of them.
#pragma once

#include <cstdint>
#include <ringfeed/compare.hpp>
#include <vector>

#include "base/folder.hpp"
#include "compare/record_sorter.hpp"
#include "compare/split_walk.hpp"

namespace ringfeed {

/// Samples between two looks at whether to go on.
inline constexpr std::uint64_t kStopEvery = 1 << 16;

/// Makes a Record of each sample by `record_of`, a VisitSample that returns it, and calls
/// groups.add() with all of them in their order.
template <typename Record, typename RecordOf, typename Groups>
void visit_sorted(const std::vector<ComparedSplit>& splits, const CompareOptions& options,
                  const RecordOf& record_of, Groups& groups) {
  RecordSorter<Record> sorter(options.memory_bytes,
                              options.spill_dir.empty() ? temporary_folder() : options.spill_dir,
                              [&] { check_stop(options); });
  walk(splits, options, [&](SampleId id, std::span<const ColumnView> values, std::size_t row) {
    sorter.add(record_of(id, values, row));
  });
  std::uint64_t done = 0;
  sorter.visit_sorted([&](const Record& each) {
    if (done++ % kStopEvery == 0) {
      check_stop(options);
      if (options.progress) options.progress("comparing", done, sorter.size());
    }
    groups.add(each);
  });
}

}  // namespace ringfeed
