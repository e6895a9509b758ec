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
  Selection(const Schema& schema, const std::vector<std::string>& names);

  /// Places in the schema, ascending: what a reader is asked for.
  const ColumnPlaces& places() const noexcept { return places_; }
  /// The place of each column among those, in the order of the names.
  const std::vector<std::size_t>& order() const noexcept { return order_; }
  std::vector<ColumnSpec> columns() const;
  /// Opens a chunk of the columns at places().
  OpenBlock open(Chunk chunk) const;

 private:
  ColumnPlaces places_;
  Schema schema_;  ///< of these columns alone
  std::vector<std::size_t> order_;
};

}  // namespace ringfeed
