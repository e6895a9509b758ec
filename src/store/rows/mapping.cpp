// The columns and tensors that are asked for against the columns that a table has.
#include "store/rows/mapping.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ringfeed/error.hpp>

#include "base/json.hpp"
#include "base/option.hpp"
#include "store/rows/column_json.hpp"

namespace ringfeed::rows {
namespace {

const TableColumn& find(const std::vector<TableColumn>& table, std::string_view name,
                        std::string_view option) {
  const auto found = std::ranges::find(table, name, &TableColumn::name);
  if (found != table.end()) return *found;
  std::vector<std::string_view> names;
  for (const auto& column : table) names.push_back(column.name);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: the table has no column {}; its columns are {}", option, name,
                          fmt::join(names, ", ")));
}

RowColumn tensor_of(const TensorSpec& spec, const std::vector<TableColumn>& table) {
  const std::string option = fmt::format("{} {}", option_name("tensor"), spec.name);
  if (spec.columns.size() != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: a tensor of a row table is made of one column; name one", option));
  }
  const auto& column = find(table, spec.columns[0], option);
  if (!spec.dtype) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: say its dtype behind the shape, e.g. :float32", option));
  }
  RowColumn result{
      {spec.name, ColumnKind::kTensor, *spec.dtype, spec.shape}, column.name, column.type};
  if (const auto problem = misfit(result); !problem.empty())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", option, problem));
  return result;
}

std::vector<std::string> chosen_names(const std::vector<TableColumn>& table, const TableNote& note,
                                      const AttachOptions& options) {
  if (!options.columns.empty() && !options.drop.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} and {}: columns are chosen or left out; give one of the two",
                            option_name("columns"), option_name("drop")));
  }
  check_each_once("columns", options.columns);
  check_each_once("drop", options.drop);
  std::vector<std::string> names = options.columns;
  if (names.empty()) {
    for (const auto& column : note.columns) names.push_back(column.name);
    for (const auto& column : table) {
      const bool noted = std::ranges::find(names, column.name) != names.end();
      if (!column.key && !noted && column.name != options.split_column)
        names.push_back(column.name);
    }
  }
  for (const auto& name : options.drop)
    std::erase(names, find(table, name, option_name("drop")).name);
  for (const auto& tensor : options.tensors) {
    for (const auto& name : tensor.columns) {
      if (std::ranges::find(options.drop, name) != options.drop.end()) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{} {}: its column {} is left out by {}", option_name("tensor"),
                                tensor.name, name, option_name("drop")));
      }
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

void check(const std::vector<RowColumn>& columns) {
  if (columns.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the table has no columns beside its key; name those that a sample is "
                            "made of: {}",
                            option_name("columns")));
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other) {
      if (columns[i].spec.name != columns[other].spec.name) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("two columns of the sample are called {}; name each once, or choose "
                              "another NAME in {}",
                              columns[i].spec.name, option_name("tensor")));
    }
  }
}

}  // namespace

std::vector<RowColumn> map_columns(const std::vector<TableColumn>& table, std::string_view comment,
                                   const AttachOptions& options) {
  TableNote note = TableNote::parse(comment);
  std::erase_if(note.columns, [&](const RowColumn& column) {
    const auto found = std::ranges::find(table, column.name, &TableColumn::name);
    return found == table.end() || found->type != column.type;
  });
  std::vector<RowColumn> columns;
  for (const auto& name : chosen_names(table, note, options)) {
    bool is_tensor = false;
    for (const auto& tensor : options.tensors) {
      if (tensor.columns.empty() || tensor.columns[0] != name) continue;
      columns.push_back(tensor_of(tensor, table));
      is_tensor = true;
    }
    if (is_tensor) continue;
    const auto noted = std::ranges::find(note.columns, name, &RowColumn::name);
    const auto& column = find(table, name, option_name("columns"));
    columns.push_back(noted != note.columns.end() ? *noted
                                                  : column_of_cql(column.name, column.type));
  }
  check(columns);
  return columns;
}

std::string TableNote::text() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& column : columns) list.push_back(json_of(column));
  return nlohmann::ordered_json{{"ringfeed", 1},
                                {"fingerprint", fmt::format("{:016x}", fingerprint)},
                                {"split_column", split_column},
                                {"columns", std::move(list)}}
      .dump(-1, ' ', /*ensure_ascii=*/true);
}

TableNote TableNote::parse(std::string_view comment) {
  TableNote note;
  try {
    const auto json = parse_json<nlohmann::ordered_json>(comment);
    if (!json.is_object() || json.value("ringfeed", 0) != 1) return note;
    note.fingerprint = std::stoull(json.at("fingerprint").get<std::string>(), nullptr, 16);
    note.split_column = json.at("split_column").get<std::string>();
    for (const auto& column : json.at("columns")) note.columns.push_back(column_of_json(column));
  } catch (const std::exception&) {
    return {};  // a comment that somebody has changed says nothing
  }
  return note;
}

}  // namespace ringfeed::rows
