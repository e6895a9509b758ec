// Schema <-> Arrow schema. Tensors carry the canonical metadata of arrow.fixed_shape_tensor, so
// pyarrow gives them their shape; see the Arrow canonical extension types.
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <arrow/util/utf8.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ringfeed/error.hpp>
#include <ringfeed/schema.hpp>
#include <unordered_set>

#include "dataset/chunk.hpp"

namespace ringfeed {
namespace {

constexpr std::array<std::pair<DType, std::string_view>, 9> kDTypes = {{
    {DType::kUInt8, "uint8"},
    {DType::kInt8, "int8"},
    {DType::kInt16, "int16"},
    {DType::kInt32, "int32"},
    {DType::kInt64, "int64"},
    {DType::kFloat16, "float16"},
    {DType::kFloat32, "float32"},
    {DType::kFloat64, "float64"},
    {DType::kBool, "bool"},
}};

/// In the order of ColumnKind.
constexpr std::string_view kKindNames[] = {"tensor", "list", "binary", "string"};
constexpr std::string_view kTensorExtension = "arrow.fixed_shape_tensor";

std::shared_ptr<arrow::DataType> arrow_type_of(DType dtype) {
  switch (dtype) {
    case DType::kUInt8:
      return arrow::uint8();
    case DType::kInt8:
      return arrow::int8();
    case DType::kInt16:
      return arrow::int16();
    case DType::kInt32:
      return arrow::int32();
    case DType::kInt64:
      return arrow::int64();
    case DType::kFloat16:
      return arrow::float16();
    case DType::kFloat32:
      return arrow::float32();
    case DType::kFloat64:
      return arrow::float64();
    case DType::kBool:
      return arrow::boolean();
  }
  throw Error(ErrorCode::kInternal, "unknown dtype");
}

std::optional<DType> find_dtype(const arrow::DataType& type) {
  for (const auto& [dtype, name] : kDTypes) {
    if (arrow_type_of(dtype)->Equals(type)) return dtype;
  }
  return std::nullopt;
}

DType dtype_of_elements(const arrow::BaseListType& list, std::string_view column) {
  if (const auto dtype = find_dtype(*list.value_type())) return *dtype;
  throw Error(
      ErrorCode::kBadData,
      fmt::format("column {}: type {} cannot be held; lists are of numbers: flatten it, cast "
                  "it, or encode each value as bytes",
                  column, list.ToString()));
}

DType dtype_of(const arrow::DataType& type, std::string_view column) {
  if (const auto dtype = find_dtype(type)) return *dtype;
  if (type.id() == arrow::Type::STRUCT) {
    throw Error(ErrorCode::kBadData,
                fmt::format("column {}: type {} cannot be held; make its fields columns of their "
                            "own, such as the bytes of an image",
                            column, type.ToString()));
  }
  throw Error(
      ErrorCode::kBadData,
      fmt::format(
          "column {}: type {} cannot be held; cast it to one of uint8, int8, int16, int32, int64, "
          "float16, float32, float64, bool, binary, string or a list of numbers",
          column, type.ToString()));
}

std::vector<std::int64_t> parse_tensor_shape(const std::string& metadata,
                                             const std::string& column) {
  const auto json = nlohmann::json::parse(metadata, nullptr, false);
  const auto found = json.is_object() ? json.find("shape") : json.end();
  std::vector<std::int64_t> shape;
  if (found != json.end() && found->is_array() && found->size() <= kTensorDimensionsMax) {
    for (const auto& dimension : *found) {
      if (!dimension.is_number_integer()) break;
      shape.push_back(dimension.get<std::int64_t>());
    }
    if (shape.size() == found->size()) return shape;
  }
  throw Error(ErrorCode::kBadData,
              fmt::format("column {}: the metadata of arrow.fixed_shape_tensor is not right: {}",
                          column, metadata));
}

ColumnSpec column_of(const arrow::Field& field) {
  ColumnSpec spec;
  spec.name = field.name();
  std::shared_ptr<arrow::DataType> type = field.type();
  std::string extension;
  std::string metadata;
  if (type->id() == arrow::Type::EXTENSION) {
    const auto& extended = static_cast<const arrow::ExtensionType&>(*type);
    extension = extended.extension_name();
    metadata = extended.Serialize();
    type = extended.storage_type();
  } else if (field.metadata() != nullptr) {
    extension = field.metadata()->Get("ARROW:extension:name").ValueOr("");
    metadata = field.metadata()->Get("ARROW:extension:metadata").ValueOr("");
  }
  switch (type->id()) {
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& list = static_cast<const arrow::FixedSizeListType&>(*type);
      spec.dtype = dtype_of_elements(list, spec.name);
      spec.shape = {list.list_size()};
      if (list.list_size() == 0) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("column {}: its lists have 0 elements and hold nothing; leave it "
                                "out",
                                spec.name));
      }
      if (extension == kTensorExtension) spec.shape = parse_tensor_shape(metadata, spec.name);
      std::int64_t elements = 1;
      bool bad = spec.shape.empty();
      for (const auto dimension : spec.shape) {
        bad = bad || dimension < 1 || dimension > list.list_size();
        if (!bad) elements *= dimension;
        bad = bad || elements > list.list_size();
      }
      if (bad || elements != list.list_size()) {
        throw Error(ErrorCode::kBadData,
                    fmt::format("column {}: shape {} does not fit lists of {} elements", spec.name,
                                spec.shape, list.list_size()));
      }
      return spec;
    }
    case arrow::Type::LIST:
      spec.kind = ColumnKind::kList;
      spec.dtype = dtype_of_elements(static_cast<const arrow::ListType&>(*type), spec.name);
      return spec;
    case arrow::Type::BINARY:
      spec.kind = ColumnKind::kBinary;
      spec.dtype = DType::kUInt8;
      return spec;
    case arrow::Type::STRING:
      spec.kind = ColumnKind::kString;
      spec.dtype = DType::kUInt8;
      return spec;
    default:
      spec.dtype = dtype_of(*type, spec.name);
      return spec;
  }
}

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorCode::kBadData, what); }

void check_name(const std::string& name, std::size_t place) {
  if (name.empty()) refuse(fmt::format("column {} has no name; give it one", place));
  if (!arrow::util::ValidateUTF8(name))
    refuse(fmt::format("the name of column {} is not UTF-8 text; rename it", place));
  if (name.size() > kColumnNameBytesMax) {
    refuse(fmt::format("the name of column {} has {} bytes, the limit is {}; shorten it", place,
                       name.size(), kColumnNameBytesMax));
  }
}

/// The bytes of a sample in the column; 0 when they vary.
std::uint64_t checked_bytes(const ColumnSpec& column) {
  const bool tensor = column.kind == ColumnKind::kTensor;
  const bool bytes = column.kind == ColumnKind::kBinary || column.kind == ColumnKind::kString;
  if ((bytes && column.dtype != DType::kUInt8) || (!tensor && !column.shape.empty()))
    refuse(fmt::format("column {}: {} cannot have that dtype or shape", column.name,
                       name_of(column.kind)));
  if (column.shape.size() > kTensorDimensionsMax) {
    refuse(fmt::format("column {} has {} dimensions, the limit is {}; reshape it", column.name,
                       column.shape.size(), kTensorDimensionsMax));
  }
  std::uint64_t sum = size_of(column.dtype);
  for (const auto dimension : column.shape) {
    const auto most = kSampleBytesMax / sum;
    if (dimension < 1 || static_cast<std::uint64_t>(dimension) > most) {
      refuse(
          fmt::format("column {}: a dimension is {}, not in 1 to {}; leave the column out, or "
                      "make samples smaller",
                      column.name, dimension, most));
    }
    sum *= static_cast<std::uint64_t>(dimension);
  }
  return tensor ? sum : 0;
}

std::shared_ptr<arrow::Field> item_of(DType dtype) {
  return arrow::field("item", arrow_type_of(dtype), /*nullable=*/false);
}

std::shared_ptr<arrow::Field> field_of(const ColumnSpec& spec) {
  switch (spec.kind) {
    case ColumnKind::kList:
      return arrow::field(spec.name, arrow::list(item_of(spec.dtype)), false);
    case ColumnKind::kBinary:
      return arrow::field(spec.name, arrow::binary(), false);
    case ColumnKind::kString:
      return arrow::field(spec.name, arrow::utf8(), false);
    case ColumnKind::kTensor:
      break;
  }
  if (spec.shape.empty()) return arrow::field(spec.name, arrow_type_of(spec.dtype), false);
  const auto type =
      arrow::fixed_size_list(item_of(spec.dtype), static_cast<std::int32_t>(spec.elements()));
  const std::string shape = fmt::format("{{\"shape\":[{}]}}", fmt::join(spec.shape, ","));
  return arrow::field(
      spec.name, type, false,
      arrow::key_value_metadata({"ARROW:extension:metadata", "ARROW:extension:name"},
                                {shape, std::string(kTensorExtension)}));
}

void check_classes(const ColumnSpec& column) {
  const auto& classes = column.classes;
  if (classes.empty()) return;
  if (column.kind != ColumnKind::kTensor || column.dtype != DType::kInt64 || !column.shape.empty())
    refuse(fmt::format("column {}: only a scalar int64 column has classes", column.name));
  if (classes.size() > kClassNamesMax) {
    refuse(fmt::format("column {} has {} classes, the limit is {}; leave it as it is", column.name,
                       classes.size(), kClassNamesMax));
  }
  std::unordered_set<std::string_view> names;
  for (const auto& name : classes) {
    if (name.empty() || name.size() > kClassNameBytesMax || !arrow::util::ValidateUTF8(name)) {
      refuse(fmt::format("column {}: the name of class {} is not UTF-8 text of 1 to {} bytes",
                         column.name, names.size(), kClassNameBytesMax));
    }
    if (!names.insert(name).second)
      refuse(fmt::format("column {}: the class {} stands twice; leave one out", column.name, name));
  }
}

}  // namespace

std::size_t size_of(DType dtype) noexcept {
  switch (dtype) {
    case DType::kUInt8:
    case DType::kInt8:
    case DType::kBool:
      return 1;
    case DType::kInt16:
    case DType::kFloat16:
      return 2;
    case DType::kInt32:
    case DType::kFloat32:
      return 4;
    case DType::kInt64:
    case DType::kFloat64:
      return 8;
  }
  return 0;
}

std::string_view name_of(DType dtype) noexcept {
  for (const auto& [each, name] : kDTypes) {
    if (each == dtype) return name;
  }
  return "unknown";
}

bool is_integer(DType dtype) noexcept {
  switch (dtype) {
    case DType::kUInt8:
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return true;
    default:
      return false;
  }
}

bool is_float(DType dtype) noexcept {
  return dtype == DType::kFloat16 || dtype == DType::kFloat32 || dtype == DType::kFloat64;
}

DType dtype_from_name(std::string_view name) {
  for (const auto& [dtype, each] : kDTypes) {
    if (each == name) return dtype;
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format(
          "unknown dtype '{}'; it is one of uint8, int8, int16, int32, int64, float16, float32, "
          "float64, bool",
          name));
}

std::string_view name_of(ColumnKind kind) noexcept {
  return kKindNames[static_cast<std::size_t>(kind)];
}

std::optional<ColumnKind> kind_from_name(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(kKindNames, name);
  if (found == std::end(kKindNames)) return std::nullopt;
  return static_cast<ColumnKind>(found - std::begin(kKindNames));
}

std::int64_t ColumnSpec::elements() const noexcept {
  std::int64_t count = 1;
  for (const auto dimension : shape) count *= dimension;
  return count;
}

std::size_t ColumnSpec::sample_bytes() const noexcept {
  return static_cast<std::size_t>(elements()) * size_of(dtype);
}

std::string ColumnSpec::type_name() const {
  switch (kind) {
    case ColumnKind::kList:
      return fmt::format("list<{}>", name_of(dtype));
    case ColumnKind::kBinary:
      return "binary";
    case ColumnKind::kString:
      return "string";
    case ColumnKind::kTensor:
      break;
  }
  if (shape.empty()) return std::string(name_of(dtype));
  return fmt::format("{} [{}]", name_of(dtype), fmt::join(shape, ", "));
}

const ColumnSpec* Schema::find(std::string_view name) const noexcept {
  for (const auto& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

const ColumnSpec& Schema::at(std::string_view name) const {
  if (const auto* column = find(name)) return *column;
  std::vector<std::string_view> names;
  for (const auto& column : columns) names.push_back(column.name);
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("unknown column '{}'; the columns are {}", name, fmt::join(names, ", ")));
}

std::size_t Schema::index_of(std::string_view name) const {
  return static_cast<std::size_t>(&at(name) - columns.data());
}

ColumnPlaces Schema::places_of(const std::vector<std::string>& names) const {
  ColumnPlaces places;
  for (const auto& name : names) places.push_back(static_cast<std::uint32_t>(index_of(name)));
  if (names.empty()) {
    places.resize(columns.size());
    std::iota(places.begin(), places.end(), std::uint32_t{0});
  }
  std::ranges::sort(places);
  places.erase(std::ranges::unique(places).begin(), places.end());
  return places;
}

Schema Schema::only(const ColumnPlaces& places) const {
  Schema schema;
  for (const auto place : places) schema.columns.push_back(columns[place]);
  return schema;
}

void Schema::check() const {
  arrow::util::InitializeUTF8();
  if (columns.empty()) refuse("there is no column; a sample needs at least one");
  if (columns.size() > kColumnsMax) {
    refuse(fmt::format("there are {} columns, the limit is {}; pack numbers into tensors",
                       columns.size(), kColumnsMax));
  }
  std::unordered_set<std::string_view> names;
  std::uint64_t sample_bytes = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    check_name(columns[i].name, i + 1);
    if (!names.insert(columns[i].name).second)
      refuse(fmt::format("column {}: the name stands twice; rename one", columns[i].name));
    check_classes(columns[i]);
    sample_bytes += checked_bytes(columns[i]);
  }
  if (sample_bytes > kSampleBytesMax) {
    refuse(fmt::format("each sample has {} bytes, the limit is {}; make samples smaller",
                       sample_bytes, kSampleBytesMax));
  }
}

std::shared_ptr<arrow::Schema> Schema::to_arrow() const {
  arrow::FieldVector fields;
  for (const auto& column : columns) fields.push_back(field_of(column));
  return arrow::schema(std::move(fields));
}

Schema Schema::from_arrow(const arrow::Schema& schema) {
  Schema result;
  std::unordered_set<std::string_view> names;
  for (const auto& field : schema.fields()) {
    if (!names.insert(field->name()).second) {
      throw Error(ErrorCode::kBadData,
                  fmt::format("column {}: the name stands twice; rename one", field->name()));
    }
    result.columns.push_back(column_of(*field));
  }
  if (result.columns.empty())
    throw Error(ErrorCode::kBadData, "a schema needs at least one column");
  return result;
}

}  // namespace ringfeed
