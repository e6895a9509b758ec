// Record batches of all columns as chunks, one of each column group.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <ringfeed/chunk.hpp>
#include <ringfeed/manifest.hpp>
#include <ringfeed/schema.hpp>
#include <vector>

namespace ringfeed {

class GroupChunks {
 public:
  GroupChunks(const Schema& schema, std::vector<ColumnPlaces> groups);

  /// The batch's columns, not copied.
  std::vector<Chunk> of(const arrow::RecordBatch& batch) const;

 private:
  const std::vector<ColumnPlaces> groups_;
  std::vector<std::shared_ptr<const Schema>> schemas_;  ///< of the groups
};

}  // namespace ringfeed
