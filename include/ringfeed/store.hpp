// A store holds data sets: named, versioned, each version whole or not there. The local folder and
// Cassandra implement these three classes. Everything above (ingest, feed, command line) knows only
// them.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <ringfeed/chunk.hpp>
#include <ringfeed/connection.hpp>
#include <ringfeed/manifest.hpp>
#include <ringfeed/meters.hpp>
#include <ringfeed/url.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

/// Facts on a block, the samples of a row group, that the feed must know before it reads it.
struct BlockInfo {
  std::uint32_t samples = 0;
  std::uint32_t bytes = 0;
};

/// Part of a split's blocks: the `number`th, from 0, of `count` parts of about as many blocks,
/// which together are all of them in their order.
struct SplitPart {
  std::uint64_t number = 0;  ///< below count
  std::uint64_t count = 1;   ///< 1 to 2^20
};

/// Reads the blocks of one split of one version, or some columns of them. Thread-safe.
class BlockReader {
 public:
  /// Called exactly once per read(), on a thread of the reader: the chunk, or none and the reason.
  using Done = std::function<void(Chunk, std::exception_ptr)>;

  /// Ends when every read has called its Done; one that waits for a server, or has not begun, may
  /// do it with kCancelled.
  virtual ~BlockReader() = default;

  /// Returns the blocks, by number.
  virtual std::span<const BlockInfo> blocks() const = 0;

  /// Starts to read block `number` (in blocks()); the answer has passed its checksum. A packed
  /// store gives bytes, which are held against the schema when they are decoded (Chunk::columns), a
  /// row table gives columns. Errors of the answer: kBadData (file, chunk and what to do),
  /// kNotFound, kUnavailable, kTimeout, kPermission. `done` must not throw and must not wait for
  /// another read. With 65,536 reads under way read() waits for one to end.
  virtual void read(std::uint64_t number, Done done) = 0;

  /// Returns whether the store would begin another read at once; false where it has as many as it
  /// takes. It is a hint, for telling what limits a feed.
  virtual bool has_room() const { return false; }

  /// Adds what the reader has measured of itself. "ringfeed_check_seconds" is the time that its
  /// threads have spent checking answers.
  virtual void add_meters(Meters&) const {}

  /// Bound of the memory that it takes beside the blocks that are asked of it or held.
  virtual std::uint64_t overhead_bytes() const { return 0; }
};

/// Intent of an ingest: who intends the same again finds the same.
struct WriteIntent {
  Schema schema;
  std::vector<std::string> splits;
  Origin origin;
  bool append = false;     ///< the new version holds the latest one's chunks first
  bool overwrite = false;  ///< the new version holds these chunks alone, whatever was there before
  /// Columns that are stored apart (Manifest::groups); empty: as in the version that is appended
  /// to, else default_groups().
  std::vector<ColumnPlaces> groups = {};
  std::uint64_t lineage = 0;  ///< lineage of rows that are copied; 0: a new one
  bool copies = false;  ///< a copy, which neither appends nor overwrites: errors do not name these
};

/// Writes one version. Row groups are put in a fixed order: after a crash the same intent goes on
/// where it was. Destroyed before publish(), what was put stays for the next try and is invisible
/// to every reader.
class VersionWriter {
 public:
  virtual ~VersionWriter() = default;

  /// The version number that publish() will make.
  virtual std::uint64_t version() const = 0;
  /// Returns true when this very intent is published already: there is nothing to put but what
  /// missing() tells of, and publish() gives that version.
  virtual bool published() const = 0;
  /// Column groups of the version.
  virtual const std::vector<ColumnPlaces>& groups() const = 0;
  /// Row groups, or rows, of the published version that are not whole in the store any more.
  virtual std::uint64_t missing() const { return 0; }
  /// Row groups that an earlier try already stored durably, counted in the order of put(): do not
  /// put them again.
  virtual std::uint64_t stored_row_groups() const = 0;
  /// Returns whether the row group with this number, in the order of put(), is not to be put.
  virtual bool has_row_group(std::uint64_t number) const { return number < stored_row_groups(); }
  /// Puts the next row group: one chunk for each of groups(), in their order, of which the writer
  /// takes the bytes or the columns, whichever it stores; nobody may change them any more
  /// (Chunk::detached). `ranges` are the values in it, or in its whole part where begin_part() is
  /// called (dataset/ranges.hpp), of all columns. Each change of split costs new parts.
  virtual void put(std::string_view split, std::span<const Chunk> chunks,
                   const std::vector<ColumnRange>& ranges) = 0;
  /// Says that the next row group begins a part. Once it is called, parts begin nowhere else: a
  /// copy keeps those of its original.
  virtual void begin_part() {}
  /// Notes the permutation in the manifest's origin, when it was not known yet in the intent.
  virtual void set_permutation(std::string_view permutation) = 0;
  /// Publishes the version, all or nothing: readers see it from the moment it is whole and durable.
  virtual Manifest publish() = 0;
};

/// A version that a writer has begun and not published. The same ingest goes on with it.
struct UnfinishedVersion {
  std::uint64_t version = 0;
  std::string writer;     ///< "process 123 on HOST"; empty when it is not known
  bool may_live = false;  ///< the writer may be at it now
};

/// One data set in a store.
class Store {
 public:
  virtual ~Store() = default;

  /// Published versions, ascending; empty when there is no data set of this name.
  virtual std::vector<std::uint64_t> versions() = 0;
  /// Reads a manifest. Throws Error{kNotFound} that names the versions there are; Error{kBadData}
  /// when it is damaged.
  virtual Manifest manifest(std::uint64_t version) = 0;
  /// Makes a reader of these columns (empty: all), which reads only the column groups that have
  /// one of them: the columns of its chunks are these, in the schema's order. Its `workers`
  /// threads, 1 to 256 for each of these groups, decode and check.
  virtual std::unique_ptr<BlockReader> reader(const Manifest& manifest, std::string_view split,
                                              const ColumnPlaces& columns, int workers) = 0;
  /// Called at each named step of writing and publishing; for progress and for tests that end the
  /// process there.
  using OnStep = std::function<void(std::string_view step)>;
  /// Begins a version. Throws Error{kConflict} when another process writes this data set, or when
  /// it holds something else and neither `append` nor `overwrite` was asked for (append to what
  /// does not exist: kNotFound).
  virtual std::unique_ptr<VersionWriter> write(const WriteIntent& intent, OnStep on_step) = 0;
  /// Checks every byte of a version, and what it decodes to; `progress` gets the bytes checked.
  /// Returns the bytes. Throws Error{kBadData} that names file and position of the first damage.
  virtual std::uint64_t verify(const Manifest& manifest,
                               const std::function<void(std::uint64_t bytes)>& progress) = 0;
  /// Verifies, and writes sound copies over those that are damaged or gone. A chunk that has none
  /// is removed; the same ingest then puts it back. Throws as verify() does, Error{kBadData} also
  /// when chunks were removed, and Error{kInvalidArgument} where a store keeps one copy.
  virtual std::uint64_t repair(const Manifest& manifest,
                               const std::function<void(std::uint64_t bytes)>& progress);
  /// Removes a version, and the chunks that no other version names. A local folder also removes one
  /// whose manifest is damaged. Cut off in the middle, the version is gone for readers, and the
  /// same call goes on. Throws Error{kNotFound} that names the versions there are, Error{kConflict}
  /// while the data set is written.
  virtual void remove(std::uint64_t version) = 0;
  /// Versions whose removal was cut off, ascending: versions() has them no more, remove() ends it.
  virtual std::vector<std::uint64_t> half_removed() { return {}; }
  /// Versions that writers which run now, or were cut off, have begun.
  virtual std::vector<UnfinishedVersion> unfinished() { return {}; }
  /// Returns false for a view of what others may change at any time: only the newest version is
  /// meant to agree with it.
  virtual bool is_immutable() const { return true; }
};

/// Opens the data set at this URL, which need not exist yet. `connection` is for cassandra://
/// alone.
std::unique_ptr<Store> open_store(const Url& url, const ConnectionOptions& connection = {});

/// Makes the keyspace of a cassandra:// URL unless it is there: then its replication stays, and
/// ConnectionOptions::warn is told where that is another. `replication` is "3" (copies in each data
/// centre), "dc1:3,dc2:2" or "simple:3". Throws Error{kInvalidArgument} also for another
/// URL.
void create_keyspace(const Url& url, std::string_view replication,
                     const ConnectionOptions& connection = {});

/// URLs of the data sets directly under this one (itself, if it is a data set), sorted.
std::vector<std::string> list_datasets(const Url& url, const ConnectionOptions& connection = {});

}  // namespace ringfeed
