// Samples that stand twice, and what differs between two data sets or two versions of one: by a
// hash of each sample, in one pass over the data. Two samples are the same when their values are,
// byte for byte (NaN with the same bits is, 0 and -0 are not); of a column of classes the names
// count, not their numbers. docs/compare.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ringfeed/connection.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringfeed {

/// Most splits that are compared at once, of all data sets together.
inline constexpr std::size_t kComparedSplitsMax = 1024;

/// Options of find_duplicates() and diff().
struct CompareOptions {
  /// Columns that are compared; empty: all (of diff(): all that both have).
  std::vector<std::string> columns = {};
  /// Bound of the memory of the sort, 1 MiB to 64 GiB. What is more is spilled: 24 bytes a sample,
  /// 40 with a key. Beside it 32 MiB of blocks are read ahead.
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;
  /// Folder of the spill, whose files have no names and end with the process; empty: TMPDIR, else
  /// /tmp.
  std::string spill_dir = {};
  std::size_t shown_max = 10;  ///< samples, or groups of them, that are named
  /// Called with "reading" in bytes, then with "comparing" in samples.
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress =
      {};
  std::stop_token stop = {};  ///< request to stop: Error{kCancelled}
};

/// A split of one of the data sets, by the URL that the caller gave.
struct SplitName {
  std::string url;    ///< address, as it was given
  std::string split;  ///< name of the split
  auto operator<=>(const SplitName&) const = default;
};

/// A sample of one of the data sets.
struct SampleName {
  SplitName split;           ///< split that the sample is in
  std::uint64_t number = 0;  ///< from 0, in storage order
  auto operator<=>(const SampleName&) const = default;
};

/// The same sample several times.
struct DuplicateGroup {
  std::uint64_t count = 0;          ///< samples that are the same
  std::vector<SampleName> samples;  ///< first ones of them
};

/// Samples that two splits share, each counted once; within one split: those that are a repetition
/// of another one.
struct Overlap {
  SplitName a;                ///< one split
  SplitName b;                ///< another, or the same
  std::uint64_t samples = 0;  ///< number of them
};

/// Result of find_duplicates().
struct Duplicates {
  std::uint64_t samples = 0;          ///< samples that were looked at
  std::uint64_t distinct = 0;         ///< different ones among them
  std::uint64_t groups = 0;           ///< groups of the same sample several times
  std::uint64_t repeated = 0;         ///< samples of these groups, less one of each
  std::vector<Overlap> overlaps;      ///< of each two splits that share any
  std::vector<DuplicateGroup> shown;  ///< first groups, by their first sample

  /// Returns whether any sample stands several times.
  bool found() const noexcept { return groups > 0; }
};

/// Groups of the same samples that count.
enum class Across : std::uint8_t {
  kAnything,  ///< all
  kSplits,    ///< those with samples in several splits, or data sets
};

/// Looks at all splits of a URL without ?split=. The data sets must have the same columns, or
/// the ones of CompareOptions::columns, of the same types: else Error{kInvalidArgument} that names
/// the first that is not. Other errors: those of Dataset::open() and BlockReader, kNoSpace (spill).
Duplicates find_duplicates(const std::vector<std::string>& urls, Across across,
                           const CompareOptions& options = {},
                           const ConnectionOptions& connection = {});

/// A column that is not the same on both sides. Empty text: it is not there.
struct ColumnDifference {
  std::string name;  ///< of the column
  std::string a;     ///< its type in A, and its classes
  std::string b;     ///< the same in B
};

/// Result of diff().
struct Differences {
  std::vector<ColumnDifference> columns;  ///< columns that are not the same on both sides
  std::vector<std::string> compared;      ///< names of the columns that were compared
  std::uint64_t samples_a = 0;            ///< samples of A
  std::uint64_t samples_b = 0;            ///< samples of B
  std::uint64_t removed = 0;              ///< samples in A and not in B
  std::uint64_t added = 0;                ///< samples in B and not in A
  std::uint64_t changed = 0;              ///< samples with the same key, and other values
  /// Samples of both in splits of different names; counted where neither URL says ?split=.
  std::uint64_t moved = 0;
  std::vector<SampleName> first_removed;  ///< first ones, at most shown_max
  std::vector<SampleName> first_added;    ///< first ones
  /// First ones, as they are named in A and in B.
  std::vector<std::pair<SampleName, SampleName>> first_changed;

  /// Returns whether nothing differs.
  bool none() const noexcept { return columns.empty() && removed + added + changed + moved == 0; }
};

/// Tells what B has otherwise than A. Without a `key` both are multisets of samples. With one, a
/// column whose values are unique in A and in B, the samples with the same key are compared: a
/// value that stands twice is Error{kInvalidArgument}. Columns are compared that both have with one
/// type. Errors are those of find_duplicates().
Differences diff(std::string_view a, std::string_view b, std::string_view key = {},
                 const CompareOptions& options = {}, const ConnectionOptions& connection_a = {},
                 const ConnectionOptions& connection_b = {});

}  // namespace ringfeed
