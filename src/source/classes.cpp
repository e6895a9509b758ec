// A name is a text; a whole number is one in decimal.
#include "source/classes.hpp"

#include <arrow/record_batch.h>
#include <fmt/format.h>

#include <algorithm>
#include <ringfeed/error.hpp>
#include <set>
#include <utility>

#include "base/option.hpp"
#include "dataset/chunk.hpp"
#include "source/bad_records.hpp"
#include "source/cast.hpp"
#include "source/csv_number.hpp"

namespace ringfeed {
namespace {

std::vector<std::string> sorted(const std::set<std::string, std::less<>>& names) {
  std::vector<std::pair<std::int64_t, std::string>> numbers;
  for (const auto& name : names) {
    const auto number = whole_number_in(name);
    if (!number) return {names.begin(), names.end()};
    numbers.emplace_back(*number, name);
  }
  std::ranges::sort(numbers);
  std::vector<std::string> result;
  for (auto& [number, name] : numbers) result.push_back(std::move(name));
  return result;
}

/// Calls `take` with each value of a column of text or whole numbers.
template <typename Take>
void for_each_name(const ColumnView& view, const ColumnSpec& spec, std::int64_t rows, Take&& take) {
  for (std::int64_t row = 0; row < rows; ++row) {
    if (spec.kind == ColumnKind::kString) {
      const auto first = view.offsets[row];
      take(std::string_view(reinterpret_cast<const char*>(view.data) + first,
                            static_cast<std::size_t>(view.offsets[row + 1] - first)));
    } else {
      take(std::to_string(
          whole_at({spec.dtype, reinterpret_cast<const std::uint8_t*>(view.data), 0, rows}, row)));
    }
  }
}

}  // namespace

ClassNumbers::ClassNumbers(std::vector<std::string> names) : names_(std::move(names)) {
  for (const auto& name : names_)
    numbers_.emplace(name, static_cast<std::int64_t>(numbers_.size()));
}

std::optional<std::int64_t> ClassNumbers::find(std::string_view name) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

std::string ClassNumbers::describe_unknown(std::string_view column, std::string_view value) const {
  return fmt::format("column {}: {} is none of the classes {}", in_quotes(column), in_quotes(value),
                     listed(names_));
}

const ClassColumn* find_class_column(const SourceOptions& options, std::string_view column) {
  const auto found = std::ranges::find(options.classes, column, &ClassColumn::column);
  return found == options.classes.end() ? nullptr : &*found;
}

bool has_unnamed_classes(const SourceOptions& options) {
  return std::ranges::any_of(options.classes,
                             [](const ClassColumn& each) { return each.names.empty(); });
}

SourceOptions with_class_names(const SourceOptions& options, const OpenSource& open) {
  if (!has_unnamed_classes(options)) return options;
  SourceOptions first = options;
  first.rejects_path.clear();  // it is written when the records are taken
  const auto opened = open(first);
  Source& source = *opened;
  SourceOptions result = options;
  std::vector<std::pair<std::size_t, std::set<std::string, std::less<>>>> found;
  for (auto& each : result.classes) {
    found.emplace_back(source.schema().index_of(each.column), std::set<std::string, std::less<>>());
    if (each.names.empty()) each.names = source.schema().columns[found.back().first].classes;
  }
  if (!has_unnamed_classes(result)) return result;
  while (const auto batch = source.next()) {
    const auto views = column_views(*batch, source.schema());
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!result.classes[i].names.empty()) continue;
      auto& [column, names] = found[i];
      for_each_name(views[column], source.schema().columns[column], batch->num_rows(),
                    [&names = names](std::string_view name) {
                      if (!name.empty() && !names.contains(name)) names.emplace(name);
                    });
      if (names.size() <= kClassNamesMax) continue;
      throw Error(ErrorCode::kBadData,
                  fmt::format("{}: column {}: more than {} different values; it has no classes: "
                              "leave it as it is",
                              source.name(), in_quotes(options.classes[i].column), kClassNamesMax));
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (result.classes[i].names.empty()) result.classes[i].names = sorted(found[i].second);
    if (!result.classes[i].names.empty()) continue;
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: column {}: there is no value to make a class of", source.name(),
                            in_quotes(result.classes[i].column)));
  }
  return result;
}

ColumnSpec class_column_of(const ColumnSpec& column, std::vector<std::string> names) {
  const bool is_whole =
      column.kind == ColumnKind::kTensor && column.shape.empty() && is_integer(column.dtype);
  if (column.kind == ColumnKind::kString || is_whole) {
    return names.empty()
               ? column
               : ColumnSpec{column.name, ColumnKind::kTensor, DType::kInt64, {}, std::move(names)};
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: column {} is {}; classes are of text or of whole numbers",
                          option_name("classes"), in_quotes(column.name), column.type_name()));
}

}  // namespace ringfeed
