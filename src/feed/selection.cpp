// Names as places.
#include "feed/selection.hpp"

#include <numeric>
#include <utility>

namespace ringfeed {

Selection::Selection(Schema schema, const std::vector<std::string>& names)
    : schema_(std::move(schema)) {
  for (const auto& name : names) places_.push_back(schema_.index_of(name));
  if (!names.empty()) return;
  places_.resize(schema_.columns.size());
  std::iota(places_.begin(), places_.end(), std::size_t{0});
}

std::vector<ColumnSpec> Selection::columns() const {
  std::vector<ColumnSpec> columns;
  for (const auto place : places_) columns.push_back(schema_.columns[place]);
  return columns;
}

OpenBlock Selection::open(Chunk chunk) const {
  OpenBlock block{std::move(chunk), {}};
  const auto views = column_views(*block.chunk.columns(), schema_);
  for (const auto place : places_) block.views.push_back(views[place]);
  return block;
}

}  // namespace ringfeed
