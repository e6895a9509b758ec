// A block has arrived when the chunk of each group has; whoever brings the last one puts them
// together.
#include "store/group_reader.hpp"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <ringfeed/error.hpp>
#include <span>
#include <string>
#include <utility>

namespace ringfeed {
namespace {

/// A column group that is read.
struct Group {
  ColumnPlaces columns;                    ///< of the schema, all of the group
  std::vector<std::uint32_t> chunks = {};  ///< by block; empty: each block has one of its own
  std::vector<std::uint32_t> rows = {};    ///< by block: its first row in the chunk

  std::uint64_t chunk_of(std::uint64_t block) const {
    return chunks.empty() ? block : chunks[block];
  }
  std::int64_t row_of(std::uint64_t block) const { return rows.empty() ? 0 : rows[block]; }
};

/// Finds where the row groups are in chunks that hold several of them.
void find_rows(Group& group, std::span<const BlockInfo> chunks,
               const std::vector<std::uint32_t>& rows) {
  if (chunks.size() == rows.size()) return;
  group.chunks.reserve(rows.size());
  group.rows.reserve(rows.size());
  std::uint32_t chunk = 0;
  std::uint32_t row = 0;
  for (const auto samples : rows) {
    if (row == chunks[chunk].samples) {
      ++chunk;
      row = 0;
    }
    group.chunks.push_back(chunk);
    group.rows.push_back(row);
    row += samples;
  }
}

class GroupReader final : public BlockReader {
 public:
  GroupReader(const Manifest& manifest, const std::vector<std::uint32_t>& rows,
              const ColumnPlaces& columns, std::vector<Group> groups,
              std::vector<std::unique_ptr<BlockReader>> readers)
      : schema_(std::make_shared<const Schema>(manifest.schema.only(columns))),
        columns_(columns),
        groups_(std::move(groups)),
        readers_(std::move(readers)) {
    for (const auto samples : rows) blocks_.push_back({samples, 0});
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto chunks = readers_[i]->blocks();
      find_rows(groups_[i], chunks, rows);
      for (std::size_t block = 0; block < blocks_.size(); ++block)
        blocks_[block].bytes += chunks[groups_[i].chunk_of(block)].bytes;
    }
  }

  std::span<const BlockInfo> blocks() const override { return blocks_; }

  void read(std::uint64_t number, Done done) override {
    if (number >= blocks_.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("block {} asked for, there are {}", number, blocks_.size()));
    }
    const auto join = std::make_shared<Join>();
    join->left = groups_.size();
    join->chunks.resize(groups_.size());
    join->done = std::move(done);
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      const auto arrived = [this, join, number, group](Chunk chunk, std::exception_ptr failure) {
        arrive(*join, number, group, std::move(chunk), std::move(failure));
      };
      try {
        readers_[group]->read(groups_[group].chunk_of(number), arrived);
      } catch (...) {
        arrived(nullptr, std::current_exception());
      }
    }
  }

  bool has_room() const override {
    return std::ranges::all_of(readers_, [](const auto& each) { return each->has_room(); });
  }

  void add_meters(Meters& meters) const override {
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      Meters of_group;
      readers_[i]->add_meters(of_group);
      for (auto& meter : of_group) {
        meter.labels.emplace_back("group", schema_->columns[first_of(groups_[i])].name);
        meters.push_back(std::move(meter));
      }
    }
  }

  std::uint64_t overhead_bytes() const override {
    std::uint64_t bytes = 0;
    for (const auto& reader : readers_) bytes += reader->overhead_bytes();
    return bytes;
  }

 private:
  /// A block on its way.
  struct Join {
    std::mutex mutex;  ///< of the three below
    std::size_t left = 0;
    std::vector<Chunk> chunks;  ///< by group
    std::exception_ptr failure;
    Done done;
  };

  /// The first column of a group among those that are wanted.
  std::size_t first_of(const Group& group) const {
    return static_cast<std::size_t>(std::ranges::find_first_of(columns_, group.columns) -
                                    columns_.begin());
  }

  void arrive(Join& join, std::uint64_t number, std::size_t group, Chunk chunk,
              std::exception_ptr failure) const {
    {
      const std::lock_guard lock(join.mutex);
      join.chunks[group] = std::move(chunk);
      if (failure && !join.failure) join.failure = std::move(failure);
      if (--join.left > 0) return;
    }
    if (join.failure) return join.done(nullptr, join.failure);
    Chunk whole;
    try {
      whole = put_together(join.chunks, number);
    } catch (...) {
      return join.done(nullptr, std::current_exception());
    }
    join.done(std::move(whole), nullptr);
  }

  Chunk put_together(const std::vector<Chunk>& chunks, std::uint64_t number) const {
    const std::int64_t rows = blocks_[number].samples;
    arrow::ArrayVector columns(columns_.size());
    arrow::FieldVector fields(columns_.size());
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      const auto& of_group = groups_[group].columns;
      const auto batch = chunks[group].columns()->Slice(groups_[group].row_of(number), rows);
      for (std::size_t i = 0; i < of_group.size(); ++i) {
        const auto wanted = std::ranges::lower_bound(columns_, of_group[i]);
        if (wanted == columns_.end() || *wanted != of_group[i]) continue;
        const auto place = static_cast<std::size_t>(wanted - columns_.begin());
        columns[place] = batch->column(static_cast<int>(i));
        fields[place] = batch->schema()->field(static_cast<int>(i));
      }
    }
    return {arrow::RecordBatch::Make(arrow::schema(std::move(fields)), rows, std::move(columns)),
            schema_};
  }

  const std::shared_ptr<const Schema> schema_;
  const ColumnPlaces columns_;
  std::vector<BlockInfo> blocks_;
  std::vector<Group> groups_;
  std::vector<std::unique_ptr<BlockReader>> readers_;  // last: their threads use all of the above
};

}  // namespace

std::unique_ptr<BlockReader> read_groups(std::string_view where, const Manifest& manifest,
                                         std::string_view split, const ColumnPlaces& columns,
                                         const OpenGroup& open) {
  if (std::ranges::find(manifest.splits, split) == manifest.splits.end())
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no split '{}'", where, split));
  const ColumnPlaces wanted = columns.empty() ? manifest.schema.places_of({}) : columns;
  std::vector<Group> groups;
  std::vector<std::unique_ptr<BlockReader>> readers;
  for (std::uint32_t i = 0; i < manifest.groups.size(); ++i) {
    const auto& group = manifest.groups[i];
    if (std::ranges::find_first_of(wanted, group) == wanted.end()) continue;
    groups.push_back({group});
    readers.push_back(open(i));
  }
  const auto& rows = manifest.rows_of(split);
  const bool is_as_stored = groups.size() == 1 && groups[0].columns == wanted &&
                            readers[0]->blocks().size() == rows.size();
  if (is_as_stored) return std::move(readers[0]);
  return std::make_unique<GroupReader>(manifest, rows, wanted, std::move(groups),
                                       std::move(readers));
}

}  // namespace ringfeed
