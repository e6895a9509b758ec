// The manifest: the one document that says what a published version holds, and the checksum of each
// byte of it. Its text form is in docs/format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Bytes of a part that belong to no chunk (the head and the footer of an Arrow IPC file), and
/// their XXH3-64.
struct Frame {
  std::uint64_t bytes = 0;
  std::uint64_t hash = 0;
  bool operator==(const Frame&) const = default;
};

/// The smallest and the largest value of a column.
struct ColumnRange {
  std::uint32_t column = 0;  ///< its place in the schema
  std::int64_t least = 0;
  std::int64_t most = 0;
  bool operator==(const ColumnRange&) const = default;
};

/// Groups of columns that follow from the schema alone, in the order of their first columns: one
/// for each tensor of more than 4 KiB a sample, one for each column of bytes, and one for all
/// others.
std::vector<ColumnPlaces> default_groups(const Schema& schema);

/// Groups as a user names them; columns that no group has are one more. Throws
/// Error{kInvalidArgument} for an unknown column, one that stands twice, and an empty group.
std::vector<ColumnPlaces> named_groups(const Schema& schema,
                                       const std::vector<std::vector<std::string>>& groups);

/// A run of chunks of one split and one column group that the store keeps under one name: for the
/// local store an Arrow IPC file whose bytes are head, chunks in order, tail, and nothing else.
/// A chunk has the group's columns of one row group, or of several that follow each other.
struct Part {
  std::string name;  ///< unique in the data set; for the local store a path inside its folder
  std::string split;
  Frame head;
  Frame tail;
  std::vector<std::uint32_t> chunk_samples;  ///< each at least 1
  std::vector<std::uint32_t>
      chunk_bytes;                        ///< the encoded chunk: one encapsulated Arrow IPC message
  std::vector<std::uint64_t> chunk_hash;  ///< XXH3-64 of those bytes
  /// Ranges of the group's integer tensor columns with one element per sample, in the schema's
  /// order; empty: not known.
  std::vector<ColumnRange> ranges = {};
  std::uint32_t group = 0;  ///< its place in Manifest::groups

  std::uint64_t samples() const noexcept;
  std::uint64_t bytes() const noexcept;  ///< bytes of head, chunks and tail together
  bool operator==(const Part&) const = default;
};

/// Sizes of a split.
struct SplitInfo {
  std::string name;
  std::uint64_t samples = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;  ///< bytes of the encoded chunks
};

/// Origin of a version: how it was made. The manifest holds it to recognise a repeated ingest.
struct Origin {
  std::uint64_t fingerprint = 0;  ///< hash of source, seed and options
  std::uint64_t seed = 0;
  std::uint64_t chunk_bytes = 0;  ///< the size that chunks were aimed at
  std::string permutation;        ///< "whole", or "segments" when the spill limit cut it
  bool allow_nan = false;  ///< NaN and infinity are values like others; of any part of the version
  bool operator==(const Origin&) const = default;
};

/// Longest text of a manifest.
inline constexpr std::uint64_t kManifestBytesMax = std::uint64_t{1} << 30;

/// Document of one version.
struct Manifest {
  std::uint64_t version = 0;  ///< number, from 1
  Schema schema;
  std::vector<std::string> splits;  ///< names in the order of the ingest; one may hold no sample
  Origin origin;            ///< origin of the newest parts, when the version was made by appending
  std::vector<Part> parts;  ///< parts in the order of their rows within each split and group
  /// Groups of columns, each stored apart; together they have each column once.
  std::vector<ColumnPlaces> groups = {};
  /// Samples of each row group, by split: what is drawn together. The chunks of each column group
  /// are cut where row groups end.
  std::vector<std::vector<std::uint32_t>> rows = {};
  /// Lineage of the rows: versions with the same one have the same samples under the same numbers,
  /// perhaps with other columns. 0: not made yet.
  std::uint64_t lineage = 0;

  /// Returns the row groups of a split, which must be there.
  const std::vector<std::uint32_t>& rows_of(std::string_view split) const;
  /// Returns the columns of a group.
  Schema group_schema(std::uint32_t group) const { return schema.only(groups[group]); }
  /// Returns the lineage that a version begins whose rows are these: the XXH3-64 of the row groups
  /// and of the checksums of all chunks.
  std::uint64_t new_lineage() const;
  /// Returns the sizes of each split, in their order.
  std::vector<SplitInfo> split_infos() const;
  /// Returns the range over all samples of all splits; nothing when it is not known. `column` is
  /// its place in the schema.
  std::optional<ColumnRange> range(std::size_t column) const;

  /// The document, checksum included; the same manifest gives the same bytes. Throws
  /// Error{kBadData} when a name is not UTF-8 text.
  std::string encode() const;
  /// The document, after it was decoded once as a reader will: what is published can be opened.
  /// Throws Error{kInternal} when it could not.
  std::string text_to_publish() const;
  /// Reads a document. Throws Error{kBadData} that starts with `where` when a byte is wrong,
  /// missing or more, or a field out of bounds: a text is accepted only when it is what encode() of
  /// the result gives.
  static Manifest decode(std::string_view text, std::string_view where);
  bool operator==(const Manifest&) const = default;
};

/// Returns whether the text is a split's name: 1 to 64 letters, digits, '_', '-' and '.', not a '.'
/// first (it becomes part of file names).
bool is_split_name(std::string_view name) noexcept;

}  // namespace ringfeed
