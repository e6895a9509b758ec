// Columns by name.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ringfeed/batch.hpp>
#include <ringfeed/error.hpp>

namespace ringfeed {

void Column::check_dtype(DType asked) const {
  if (asked == dtype || (asked == DType::kUInt8 && dtype == DType::kBool)) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("column '{}' holds {}, and is asked for as {}; ask for its own dtype, or "
                          "convert its elements",
                          name, name_of(dtype), name_of(asked)));
}

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
