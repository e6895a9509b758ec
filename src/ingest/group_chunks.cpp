// Columns are chosen, not copied.
#include "ingest/group_chunks.hpp"

#include <arrow/record_batch.h>

#include <utility>

#include "dataset/arrow_status.hpp"

namespace ringfeed {

GroupChunks::GroupChunks(const Schema& schema, std::vector<ColumnPlaces> groups)
    : groups_(std::move(groups)) {
  for (const auto& group : groups_)
    schemas_.push_back(std::make_shared<const Schema>(schema.only(group)));
}

std::vector<Chunk> GroupChunks::of(const arrow::RecordBatch& batch) const {
  std::vector<Chunk> chunks;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const auto& places = groups_[i];
    chunks.emplace_back(value_of(batch.SelectColumns({places.begin(), places.end()}), "a chunk"),
                        schemas_[i]);
  }
  return chunks;
}

}  // namespace ringfeed
