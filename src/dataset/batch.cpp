// Columns by name.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ringfeed/batch.hpp>
#include <ringfeed/error.hpp>

namespace ringfeed {

const Column& Batch::column(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& column : columns) {
    if (column.name == name) return column;
    names.push_back(column.name);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("unknown column '{}'; the columns of this batch are {}", name,
                          fmt::join(names, ", ")));
}

}  // namespace ringfeed
