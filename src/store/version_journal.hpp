// A line of the journal of an unfinished version: the text of a manifest with one run of row
// groups, which carries its own checksum and says what it belongs to. The same for every store.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/manifest.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Row groups of one split that are stored together: one part for each column group, in their
/// order.
struct RowRun {
  std::string split;
  std::vector<std::uint32_t> rows;  ///< samples of each row group
  std::vector<Part> parts;
};

/// Adds its row groups and parts to a manifest.
void add_run(Manifest& manifest, RowRun run);

/// What the lines of a version are about: all of its manifest, as it was planned, but the rows,
/// their lineage and their parts.
Manifest journal_subject(Manifest planned);

/// Says that a run is durable.
std::string journal_line(const Manifest& subject, const RowRun& run);

/// Returns the run of a line that is about this subject. Nothing when the line is torn, damaged or
/// about something else, or has no row group: what it stands for is written again.
std::optional<RowRun> run_of_line(std::string_view line, const Manifest& subject);

}  // namespace ringfeed
