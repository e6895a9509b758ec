// The columns that are handed out, of those that a data set has.
#pragma once

#include <ringfeed/schema.hpp>
#include <ringfeed/store.hpp>
#include <string>
#include <vector>

#include "dataset/chunk.hpp"

namespace ringfeed {

/// A block in memory: the chunk, and where the columns of a Selection are in it, in its order.
struct OpenBlock {
  Chunk chunk;
  std::vector<ColumnView> views;
};

class Selection {
 public:
  /// In the order of `names`; empty: all. Throws Error{kInvalidArgument} for an unknown one.
  Selection(Schema schema, const std::vector<std::string>& names);

  /// Places in the schema.
  const std::vector<std::size_t>& places() const noexcept { return places_; }
  std::vector<ColumnSpec> columns() const;
  OpenBlock open(Chunk chunk) const;

 private:
  Schema schema_;
  std::vector<std::size_t> places_;
};

}  // namespace ringfeed
