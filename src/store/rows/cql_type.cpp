// The names of types, both ways.
#include "store/rows/cql_type.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace ringfeed::rows {
namespace {

constexpr std::array<std::pair<std::string_view, CqlKind>, 15> kKinds = {{
    {"tinyint", CqlKind::kTinyint},
    {"smallint", CqlKind::kSmallint},
    {"int", CqlKind::kInt},
    {"bigint", CqlKind::kBigint},
    {"counter", CqlKind::kBigint},
    {"float", CqlKind::kFloat},
    {"double", CqlKind::kDouble},
    {"boolean", CqlKind::kBoolean},
    {"timestamp", CqlKind::kTimestamp},
    {"text", CqlKind::kText},
    {"ascii", CqlKind::kText},
    {"varchar", CqlKind::kText},
    {"blob", CqlKind::kBlob},
    {"uuid", CqlKind::kUuid},
    {"timeuuid", CqlKind::kUuid},
}};

CqlKind kind_of(std::string_view text) {
  for (const auto& [name, kind] : kKinds) {
    if (name == text) return kind;
  }
  return CqlKind::kOther;
}

/// What is between "NAME<" and ">"; nothing when the text is not of that form.
std::optional<std::string_view> inside(std::string_view text, std::string_view name) {
  if (!text.starts_with(name) || !text.ends_with('>')) return std::nullopt;
  text.remove_prefix(name.size());
  if (!text.starts_with('<')) return std::nullopt;
  return text.substr(1, text.size() - 2);
}

}  // namespace

CqlType CqlType::parse(std::string_view text) {
  if (const auto frozen = inside(text, "frozen")) return parse(*frozen);
  CqlType type;
  if (const auto item = inside(text, "list")) {
    type.form = Form::kList;
    type.kind = kind_of(*item);
  } else if (const auto vector = inside(text, "vector")) {
    type.form = Form::kVector;
    const auto comma = vector->rfind(',');
    if (comma == std::string_view::npos) return {};
    auto number = vector->substr(comma + 1);
    while (number.starts_with(' ')) number.remove_prefix(1);
    const char* const end = number.data() + number.size();
    const auto [last, error] = std::from_chars(number.data(), end, type.dimension);
    if (error != std::errc() || last != end || type.dimension < 1) return {};
    type.kind = kind_of(vector->substr(0, comma));
  } else {
    type.kind = kind_of(text);
    return type;
  }
  // Of the others only a single value is of use.
  if (!dtype_of(type.kind)) return {};
  return type;
}

bool is_text_list(std::string_view type) noexcept {
  if (const auto frozen = inside(type, "frozen")) return is_text_list(*frozen);
  const auto item = inside(type, "list");
  return item && kind_of(*item) == CqlKind::kText;
}

bool is_narrow(std::string_view type) noexcept {
  return type == "ascii" || type == "timeuuid" || type == "counter";
}

std::optional<DType> dtype_of(CqlKind kind) noexcept {
  switch (kind) {
    case CqlKind::kTinyint:
      return DType::kInt8;
    case CqlKind::kSmallint:
      return DType::kInt16;
    case CqlKind::kInt:
      return DType::kInt32;
    case CqlKind::kBigint:
    case CqlKind::kTimestamp:
      return DType::kInt64;
    case CqlKind::kFloat:
      return DType::kFloat32;
    case CqlKind::kDouble:
      return DType::kFloat64;
    case CqlKind::kBoolean:
      return DType::kBool;
    default:
      return std::nullopt;
  }
}

std::string_view cql_name_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::kInt8:
      return "tinyint";
    case DType::kUInt8:
    case DType::kInt16:
      return "smallint";
    case DType::kInt32:
      return "int";
    case DType::kInt64:
      return "bigint";
    case DType::kFloat16:
    case DType::kFloat32:
      return "float";
    case DType::kFloat64:
      return "double";
    case DType::kBool:
      return "boolean";
  }
  return "";
}

std::optional<std::size_t> cell_bytes(CqlKind kind) noexcept {
  if (kind == CqlKind::kUuid) return 16;
  if (const auto dtype = dtype_of(kind)) return size_of(*dtype);
  return std::nullopt;
}

}  // namespace ringfeed::rows
