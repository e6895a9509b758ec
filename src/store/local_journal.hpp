// The journal of an unfinished version: one line per finished run (version_journal.hpp), so that
// the next try goes on behind it.
#pragma once

#include <optional>
#include <ringfeed/manifest.hpp>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "store/local_layout.hpp"
#include "store/version_journal.hpp"

namespace ringfeed {

class LocalJournal {
 public:
  LocalJournal(const LocalLayout& layout, Manifest planned);

  /// Runs of the lines up to the first that is torn, about something else, or whose files are not
  /// as it says; what comes after is cut off, durably. Call once, before append().
  std::vector<RowRun> recover();
  /// Returns when the line is durable.
  void append(const RowRun& run);

 private:
  const LocalLayout& layout_;
  Manifest subject_;
  std::optional<File> file_;
};

/// The version that the journal of this data set is about; nothing when there is no journal with a
/// whole line.
std::optional<std::uint64_t> journal_version(const LocalLayout& layout);

}  // namespace ringfeed
