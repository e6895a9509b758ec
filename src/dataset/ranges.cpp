// Minimum and maximum over the rows of a batch.
#include "dataset/ranges.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <ringfeed/error.hpp>

#include "dataset/chunk.hpp"

namespace ringfeed {
namespace {

template <typename T>
ColumnRange range_of(const ColumnView& view, std::int64_t rows, std::uint32_t column) {
  T least = 0;
  T most = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    T value;
    std::memcpy(&value, view.data + static_cast<std::size_t>(row) * view.stride_bytes, sizeof(T));
    least = row == 0 ? value : std::min(least, value);
    most = row == 0 ? value : std::max(most, value);
  }
  return {column, least, most};
}

ColumnRange range_of(DType dtype, const ColumnView& view, std::int64_t rows, std::uint32_t column) {
  switch (dtype) {
    case DType::kUInt8:
      return range_of<std::uint8_t>(view, rows, column);
    case DType::kInt8:
      return range_of<std::int8_t>(view, rows, column);
    case DType::kInt16:
      return range_of<std::int16_t>(view, rows, column);
    case DType::kInt32:
      return range_of<std::int32_t>(view, rows, column);
    case DType::kInt64:
      return range_of<std::int64_t>(view, rows, column);
    default:
      throw Error(ErrorCode::kInternal, "a range is asked of a column that has none");
  }
}

}  // namespace

bool has_range(const ColumnSpec& column) noexcept {
  return column.kind == ColumnKind::kTensor && column.elements() == 1 && is_integer(column.dtype);
}

std::vector<ColumnRange> ranges_of(const arrow::RecordBatch& batch, const Schema& schema) {
  std::vector<ColumnRange> ranges;
  const auto views = column_views(batch, schema);
  for (std::uint32_t column = 0; column < views.size(); ++column) {
    const auto& spec = schema.columns[column];
    if (has_range(spec))
      ranges.push_back(range_of(spec.dtype, views[column], batch.num_rows(), column));
  }
  return ranges;
}

std::vector<ColumnRange> ranges_in(const std::vector<ColumnRange>& ranges,
                                   const ColumnPlaces& group) {
  std::vector<ColumnRange> found;
  std::ranges::copy_if(ranges, std::back_inserter(found), [&](const ColumnRange& range) {
    return std::ranges::binary_search(group, range.column);
  });
  return found;
}

std::vector<ColumnRange> ranges_of_group(const arrow::RecordBatch& batch, const Schema& schema,
                                         const ColumnPlaces& group) {
  auto ranges = ranges_of(batch, schema.only(group));
  for (auto& range : ranges) range.column = group[range.column];
  return ranges;
}

void widen(std::vector<ColumnRange>& ranges, const std::vector<ColumnRange>& more) {
  if (ranges.empty()) ranges = more;
  for (std::size_t i = 0; i < std::min(ranges.size(), more.size()); ++i) {
    ranges[i].least = std::min(ranges[i].least, more[i].least);
    ranges[i].most = std::max(ranges[i].most, more[i].most);
  }
}

void check_ranges(const Part& part, const std::vector<ColumnRange>& found, std::string_view where) {
  if (part.ranges.empty() || part.ranges == found) return;
  throw Error(ErrorCode::kBadData,
              fmt::format("{}: {}: its smallest and largest values are not those of the manifest; "
                          "delete the data set and ingest again",
                          where, part.name));
}

}  // namespace ringfeed
