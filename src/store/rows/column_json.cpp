// {"name":"image","kind":"tensor","dtype":"float32","shape":[8,8],"column":"image","type":
// "vector<float, 64>"}
#include "store/rows/column_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ringfeed/error.hpp>
#include <utility>

#include "dataset/chunk.hpp"

namespace ringfeed::rows {
namespace {

using Kind = std::pair<ColumnKind, std::string_view>;

constexpr Kind kKinds[] = {
    {ColumnKind::kTensor, "tensor"},
    {ColumnKind::kList, "list"},
    {ColumnKind::kBinary, "binary"},
    {ColumnKind::kString, "string"},
};

}  // namespace

nlohmann::ordered_json json_of(const RowColumn& column) {
  const auto* const kind = std::ranges::find(kKinds, column.spec.kind, &Kind::first);
  return {
      {"name", column.spec.name},   {"kind", kind->second},  {"dtype", name_of(column.spec.dtype)},
      {"shape", column.spec.shape}, {"column", column.name}, {"type", column.type}};
}

RowColumn column_of_json(const nlohmann::ordered_json& json) {
  RowColumn column;
  const auto bad = [&](std::string_view what) {
    return Error(ErrorCode::kBadData, fmt::format("column {}: {}", column.spec.name, what));
  };
  column.spec.name = json.at("name").get<std::string>();
  const auto kind = json.at("kind").get<std::string>();
  const auto* const found = std::ranges::find(kKinds, kind, &Kind::second);
  if (found == std::end(kKinds)) throw bad("unknown kind of column");
  column.spec.kind = found->first;
  column.spec.dtype = dtype_from_name(json.at("dtype").get<std::string>());
  std::uint64_t bytes = size_of(column.spec.dtype);
  for (const auto& dimension : json.at("shape")) {
    const auto size = dimension.get<std::int64_t>();
    if (size < 1 || static_cast<std::uint64_t>(size) > kSampleBytesMax / bytes)
      throw bad("the shape is not right");
    bytes *= static_cast<std::uint64_t>(size);
    column.spec.shape.push_back(size);
  }
  column.name = json.at("column").get<std::string>();
  column.type = json.at("type").get<std::string>();
  if (const auto problem = misfit(column); !problem.empty()) throw bad(problem);
  return column;
}

}  // namespace ringfeed::rows
