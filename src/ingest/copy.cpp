// Chunks are read ahead in any order and put in the manifest's.
#include <arrow/record_batch.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <ringfeed/copy.hpp>
#include <ringfeed/dataset.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/source.hpp>
#include <ringfeed/url.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.hpp"
#include "base/lost_pages.hpp"
#include "dataset/ranges.hpp"
#include "ingest/group_chunks.hpp"
#include "store/blocks_ahead.hpp"

namespace ringfeed {
namespace {

constexpr int kReadThreads = 1;

void check_stop(const CopyOptions& options) {
  if (options.stop.stop_requested()) {
    throw Error(ErrorCode::kCancelled,
                "stopped before the end, nothing is published; the same again goes on");
  }
}

/// The row groups of one split, each as a chunk for each column group.
class RowGroups {
 public:
  RowGroups(Store& from, const Manifest& manifest, std::string_view split,
            const std::vector<ColumnPlaces>& groups, std::uint64_t read_ahead_bytes)
      : chunks_(manifest.schema, groups), is_stored_so_(from.is_immutable()) {
    // The values of a row that others may change are read at once.
    const std::vector<ColumnPlaces> all = {{}};
    for (const auto& columns : is_stored_so_ ? groups : all)
      readers_.emplace_back(from.reader(manifest, split, columns, kReadThreads), read_ahead_bytes);
  }

  std::uint64_t next_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& reader : readers_) bytes += reader.next_bytes();
    return bytes;
  }
  void skip() {
    for (auto& reader : readers_) reader.skip();
  }
  std::vector<Chunk> take() {
    std::vector<Chunk> chunks;
    for (auto& reader : readers_) chunks.push_back(reader.take().detached());
    return is_stored_so_ ? chunks : chunks_.of(*chunks[0].columns());
  }

 private:
  const GroupChunks chunks_;
  const bool is_stored_so_;
  std::deque<BlocksAhead> readers_;
};

/// Those of all columns in a row group.
std::vector<ColumnRange> ranges_of(const std::vector<Chunk>& chunks, const Schema& schema,
                                   const std::vector<ColumnPlaces>& groups) {
  std::vector<ColumnRange> ranges;
  for (std::size_t group = 0; group < chunks.size(); ++group) {
    const auto found = ranges_of_group(*chunks[group].columns(), schema, groups[group]);
    ranges.insert(ranges.end(), found.begin(), found.end());
  }
  std::ranges::sort(ranges, {}, &ColumnRange::column);
  return ranges;
}

/// The parts of all column groups that hold the same row groups, from part `first` of the manifest
/// on, which is one of the first group. Fewer where the groups are cut differently.
std::vector<const Part*> run_at(const Manifest& manifest, std::size_t first) {
  std::vector<const Part*> run;
  for (std::size_t i = first; i < manifest.parts.size() && run.size() < manifest.groups.size();
       ++i) {
    const Part& part = manifest.parts[i];
    if (part.group != run.size() || part.split != manifest.parts[first].split ||
        part.chunk_samples != manifest.parts[first].chunk_samples)
      break;
    run.push_back(&part);
  }
  return run;
}

}  // namespace

CopyResult copy(Store& from, const Manifest& manifest, Store& to, const CopyOptions& options) {
  Origin origin = manifest.origin;
  // A table that others fill has no source to be known by: it is known by what its index says.
  if (!from.is_immutable()) origin.fingerprint = hash_bytes(manifest.encode());
  WriteIntent intent{
      .schema = manifest.schema, .splits = manifest.splits, .origin = origin, .copies = true};
  if (from.is_immutable()) {
    intent.groups = manifest.groups;
    intent.lineage = manifest.lineage;
  }
  const LostPages lost;
  const auto writer = to.write(intent, nullptr);
  if (writer->published() && writer->missing() == 0) return {writer->publish(), true};
  std::uint64_t total = 0;
  for (const auto& split : manifest.split_infos()) total += split.bytes;

  std::map<std::string, RowGroups> splits;
  std::map<std::string, std::size_t> taken;  // row groups, by split
  std::uint64_t number = 0;
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < manifest.parts.size(); ++i) {
    const Part& part = manifest.parts[i];
    if (part.group != 0) continue;
    auto& row_groups = splits
                           .try_emplace(part.split, from, manifest, part.split, writer->groups(),
                                        options.read_ahead_bytes)
                           .first->second;
    // What is read in place has no chunks and no parts yet: they are made here. Of a part that an
    // earlier try began elsewhere, the rest has ranges of its own.
    const auto run = run_at(manifest, i);
    const bool keeps_part = from.is_immutable() && run.size() == manifest.groups.size() &&
                            !writer->has_row_group(number);
    std::vector<ColumnRange> ranges;
    for (const auto* each : run)
      ranges.insert(ranges.end(), each->ranges.begin(), each->ranges.end());
    std::ranges::sort(ranges, {}, &ColumnRange::column);
    if (from.is_immutable()) writer->begin_part();
    const auto& rows = manifest.rows_of(part.split);
    for (std::uint64_t samples = part.samples(); samples > 0;) {
      check_stop(options);
      samples -= rows[taken[part.split]++];
      done += row_groups.next_bytes();
      if (writer->has_row_group(number++)) {
        row_groups.skip();
      } else {
        const auto chunks = row_groups.take();
        lost.check();
        writer->put(part.split, chunks,
                    keeps_part ? ranges : ranges_of(chunks, manifest.schema, writer->groups()));
      }
      if (options.progress) options.progress("copying", done, total);
    }
  }
  writer->set_permutation(manifest.origin.permutation);
  CopyResult result{writer->publish(), false};
  to.verify(result.manifest, [&](std::uint64_t bytes) {
    if (options.stop.stop_requested())
      throw Error(ErrorCode::kCancelled, "stopped while the copy was verified; it is published");
    if (options.progress) options.progress("verifying", bytes, total);
  });
  return result;
}

CopyResult copy(std::string_view from, std::string_view to, const CopyOptions& options,
                const ConnectionOptions& from_connection, const ConnectionOptions& to_connection) {
  const Url source = Url::parse(from);
  const Url target = Url::parse(to);
  if (source.split || target.split || target.version) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "copy: all splits of one version are copied; only the first URL may say ?version=N");
  }
  check_new_name(target);
  const auto dataset = Dataset::open(from, from_connection);
  const auto source_store = open_store(source, from_connection);
  const auto target_store = open_store(target, to_connection);
  return copy(*source_store, dataset->manifest(), *target_store, options);
}

}  // namespace ringfeed
