// {"name":"image","kind":"tensor","dtype":"float32","shape":[8,8],"column":"image","type":
// "vector<float, 64>"}
#include "store/rows/column_json.hpp"

#include <fmt/format.h>

#include <ringfeed/error.hpp>

#include "dataset/chunk.hpp"

namespace ringfeed::rows {
nlohmann::ordered_json json_of(const RowColumn& column) {
  nlohmann::ordered_json json = {{"name", column.spec.name},
                                 {"kind", name_of(column.spec.kind)},
                                 {"dtype", name_of(column.spec.dtype)},
                                 {"shape", column.spec.shape},
                                 {"column", column.name},
                                 {"type", column.type}};
  if (!column.spec.classes.empty()) json["classes"] = column.spec.classes;
  return json;
}

RowColumn column_of_json(const nlohmann::ordered_json& json) {
  RowColumn column;
  const auto bad = [&](std::string_view what) {
    return Error(ErrorCode::kBadData, fmt::format("column {}: {}", column.spec.name, what));
  };
  column.spec.name = json.at("name").get<std::string>();
  const auto kind = kind_from_name(json.at("kind").get<std::string>());
  if (!kind) throw bad("unknown kind of column");
  column.spec.kind = *kind;
  column.spec.dtype = dtype_from_name(json.at("dtype").get<std::string>());
  std::uint64_t bytes = size_of(column.spec.dtype);
  for (const auto& dimension : json.at("shape")) {
    const auto size = dimension.get<std::int64_t>();
    if (size < 1 || static_cast<std::uint64_t>(size) > kSampleBytesMax / bytes)
      throw bad("the shape is not right");
    bytes *= static_cast<std::uint64_t>(size);
    column.spec.shape.push_back(size);
  }
  if (json.contains("classes"))
    column.spec.classes = json.at("classes").get<std::vector<std::string>>();
  column.name = json.at("column").get<std::string>();
  column.type = json.at("type").get<std::string>();
  if (const auto problem = misfit(column); !problem.empty()) throw bad(problem);
  return column;
}

}  // namespace ringfeed::rows
