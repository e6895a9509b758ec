// Ingest: a source becomes a new version of a data set, permuted by a seed, cut into splits and
// chunks. The bytes are a function of source, seed and options alone: an ingest that was killed and
// is run again ends in the same bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ringfeed/manifest.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/store.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Split and its part of the samples.
struct SplitShare {
  std::string name;
  double share = 1.0;  ///< part of the samples, above 0; all shares together are 1 (to 1e-6)
  bool operator==(const SplitShare&) const = default;
};

/// Parses "train=0.8,val=0.2". Throws Error{kInvalidArgument} when a part is not NAME=SHARE or the
/// shares do not add up to 1.
std::vector<SplitShare> parse_splits(std::string_view text);

/// Progress of an ingest.
struct IngestProgress {
  std::string_view stage;   ///< "reading", "writing", "publishing"
  std::uint64_t done = 0;   ///< bytes while reading, samples while writing
  std::uint64_t total = 0;  ///< 0: not known
};

/// Options of ingest().
struct IngestOptions {
  std::vector<SplitShare> splits = {{"train", 1.0}};
  /// Column of whole numbers, booleans or text whose values each split gets in proportion; empty:
  /// none.
  std::string stratify = {};
  std::uint64_t seed = 0;
  /// Size of a chunk to aim for, 4 KiB to 8 MiB. A chunk holds at least one sample.
  std::uint64_t chunk_bytes = std::uint64_t{512} << 10;
  /// Columns that are stored apart, by name; those that no group has are one group more, and an
  /// empty list is one group of all. None: one for each tensor of more than 4 KiB a sample and for
  /// each column of bytes, and one for all others. An append takes those of the version before.
  std::optional<std::vector<std::vector<std::string>>> column_groups = {};
  /// Bound in bytes of the local spill of a streamed source, from 1 MiB. A source that fits is
  /// permuted whole, a longer one in segments of this size.
  std::uint64_t spill_bytes = std::uint64_t{64} << 30;
  /// Folder of the spill; empty: TMPDIR, else /tmp.
  std::string spill_dir = {};
  bool append = false;
  /// Makes a new version of these samples alone, with any columns, where the data set holds
  /// something else. The versions before it stay until they are removed. Not with `append`.
  bool overwrite = false;
  /// Permutes the samples. Without it they are stored in the order of the source, within each
  /// split; a split has its share of the source's (segment's) samples in a row, the first split the
  /// first ones.
  bool permute = true;
  /// Bound of the bytes written to the store in a second, for a server that others use as well; 0:
  /// none.
  std::uint64_t bytes_per_second_max = 0;
  std::function<void(const IngestProgress&)> progress = {};
  Store::OnStep on_step = {};
  std::stop_token stop =
      {};  ///< request to stop: Error{kCancelled}, nothing published, and the next run goes on
};

/// Result of ingest().
struct IngestResult {
  Manifest manifest;
  std::uint64_t rejected = 0;  ///< records left out (OnBad::kSkip)
  bool unchanged =
      false;  ///< true when this very version was there already, and nothing of it was gone
  std::uint64_t repaired = 0;  ///< chunks (or rows) of it that were gone and are stored again
};

/// Gives each column that has classes in the newest version these classes, for an append, unless
/// `source` names others: a value that is none of them is then a bad record.
void take_classes(SourceOptions& source, Store& store);

/// Ingests a source. Errors: those of the source, those of Store::write, kInvalidArgument
/// (options), kBadData (a sample over 8 MiB, too few samples for a split), kNoSpace, kCancelled.
IngestResult ingest(Source& source, Store& store, const IngestOptions& options);

}  // namespace ringfeed
