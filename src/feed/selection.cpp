// Names as places.
#include "feed/selection.hpp"

#include <numeric>
#include <utility>

namespace ringfeed {

Selection::Selection(const Schema& schema, const std::vector<std::string>& names)
    : places_(schema.places_of(names)), schema_(schema.only(places_)) {
  for (const auto& name : names) order_.push_back(schema_.index_of(name));
  if (!names.empty()) return;
  order_.resize(places_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
}

std::vector<ColumnSpec> Selection::columns() const {
  std::vector<ColumnSpec> columns;
  for (const auto place : order_) columns.push_back(schema_.columns[place]);
  return columns;
}

OpenBlock Selection::open(Chunk chunk) const {
  OpenBlock block{std::move(chunk), {}};
  const auto views = column_views(*block.chunk.columns(), schema_);
  for (const auto place : order_) block.views.push_back(views[place]);
  return block;
}

}  // namespace ringfeed
