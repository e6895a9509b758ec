// Which types are held as which: docs/sources.md has the table.
#include "source/arrow_types.hpp"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/extension_type.h>
#include <arrow/result.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "dataset/class_metadata.hpp"
#include "dataset/text_list.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

constexpr std::string_view kTensorExtension = "arrow.fixed_shape_tensor";
constexpr const char* kFileBytes = "bytes";

using Type = std::shared_ptr<arrow::DataType>;

/// Of an element: uint16 and uint32 in the next wider signed type; any other type is itself.
Type held_element(const Type& type) {
  if (type->id() == arrow::Type::UINT16) return arrow::int32();
  if (type->id() == arrow::Type::UINT32) return arrow::int64();
  return type;
}

/// The name and parameters of an extension, whether Arrow knows it or left it in the field's
/// metadata.
std::pair<std::string, std::string> extension_of(const arrow::Field& field) {
  if (field.type()->id() == arrow::Type::EXTENSION) {
    const auto& type = static_cast<const arrow::ExtensionType&>(*field.type());
    return {type.extension_name(), type.Serialize()};
  }
  if (field.metadata() == nullptr) return {};
  return {field.metadata()->Get("ARROW:extension:name").ValueOr(""),
          field.metadata()->Get("ARROW:extension:metadata").ValueOr("")};
}

/// Dimensions that are stored in another order than the tensor has them.
bool is_permuted(const std::string& metadata) {
  const auto json = nlohmann::json::parse(metadata, nullptr, false);
  const auto found = json.is_object() ? json.find("permutation") : json.end();
  if (!json.is_object() || found == json.end() || !found->is_array()) return false;
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (!(*found)[i].is_number_integer() || (*found)[i] != static_cast<std::int64_t>(i))
      return true;
  }
  return false;
}

bool is_text_list(const arrow::DataType& type) {
  const auto id = type.id();
  if (id != arrow::Type::LIST && id != arrow::Type::FIXED_SIZE_LIST) return false;
  const auto& elements = static_cast<const arrow::BaseListType&>(type).value_type();
  return held_type(elements)->id() == arrow::Type::STRING;
}

/// What Hugging Face's datasets make of a picture or a sound: the bytes of its file, or where it
/// is.
bool is_file_struct(const arrow::DataType& type) {
  if (type.id() != arrow::Type::STRUCT || type.num_fields() != 2) return false;
  const auto& fields = static_cast<const arrow::StructType&>(type);
  const auto bytes = fields.GetFieldByName(kFileBytes);
  const auto path = fields.GetFieldByName("path");
  return bytes != nullptr && path != nullptr && held_type(bytes->type())->Equals(arrow::binary()) &&
         held_type(path->type())->Equals(arrow::utf8());
}

nlohmann::json json_of(const arrow::KeyValueMetadata& metadata, const char* key) {
  try {
    return parse_json(metadata.Get(key).ValueOr("null"));
  } catch (const std::exception&) {
    return nullptr;
  }
}

const nlohmann::json& member_of(const nlohmann::json& json, const std::string& name) {
  static const nlohmann::json nothing;
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? nothing : *found;
}

}  // namespace

std::shared_ptr<arrow::DataType> held_type(const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::EXTENSION:
      return held_type(static_cast<const arrow::ExtensionType&>(*type).storage_type());
    case arrow::Type::DICTIONARY:
      return held_type(static_cast<const arrow::DictionaryType&>(*type).value_type());
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW:
      return arrow::utf8();
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY:
      return arrow::binary();
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: {
      const auto& list = static_cast<const arrow::BaseListType&>(*type);
      const auto element = held_element(list.value_type());
      if (type->id() == arrow::Type::FIXED_SIZE_LIST) {
        if (element == list.value_type()) return type;
        return arrow::fixed_size_list(
            element, static_cast<const arrow::FixedSizeListType&>(*type).list_size());
      }
      if (type->id() == arrow::Type::LIST && element == list.value_type()) return type;
      return arrow::list(element);
    }
    case arrow::Type::STRUCT:
      return is_file_struct(*type) ? arrow::binary() : type;
    default:
      return held_element(type);
  }
}

TypedColumn held_column(const arrow::Field& field) {
  TypedColumn column;
  column.spec.name = field.name();
  const auto [extension, metadata] = extension_of(field);
  auto plain = arrow::field(field.name(), held_type(field.type()));
  if (is_text_list(*plain->type())) {
    column.refusal = fmt::format("column {}: {}", in_quotes(field.name()), kTextListRefusal);
    return column;
  }
  if (extension == kTensorExtension) {
    if (is_permuted(metadata)) {
      column.refusal = fmt::format(
          "column {}: a fixed_shape_tensor with a permutation cannot be held; write the "
          "tensors in row-major order",
          in_quotes(field.name()));
      return column;
    }
    plain = plain->WithMetadata(arrow::key_value_metadata(
        {"ARROW:extension:name", "ARROW:extension:metadata"}, {extension, metadata}));
  }
  try {
    column.spec = Schema::from_arrow(*arrow::schema({plain})).columns[0];
    if (field.metadata() != nullptr)
      set_class_names(column.spec, json_of(*field.metadata(), kClassesKey));
  } catch (const Error& error) {
    column.refusal = error.what();
  }
  return column;
}

void set_class_names(ColumnSpec& spec, const nlohmann::json& names) {
  if (!names.is_array()) return;
  ColumnSpec named = spec;
  for (const auto& name : names) {
    if (!name.is_string()) return;
    named.classes.push_back(name.get<std::string>());
  }
  try {
    Schema{{named}}.check();
    spec = std::move(named);
  } catch (const Error&) {
  }
}

void add_class_names(const arrow::KeyValueMetadata* metadata, std::vector<TypedColumn>& columns) {
  if (metadata == nullptr) return;
  const auto info = json_of(*metadata, kFeaturesKey);
  const auto& features = member_of(member_of(info, "info"), "features");
  for (auto& column : columns) {
    const auto& feature = member_of(features, column.spec.name);
    if (column.refusal.empty() && member_of(feature, "_type") == "ClassLabel")
      set_class_names(column.spec, member_of(feature, "names"));
  }
}

arrow::Result<std::shared_ptr<arrow::Array>> cast_to_held(
    std::shared_ptr<arrow::Array> array, const std::shared_ptr<arrow::DataType>& type) {
  if (array->type_id() == arrow::Type::EXTENSION) {
    array = static_cast<const arrow::ExtensionArray&>(*array).storage();
  }
  if (is_file_struct(*array->type())) {
    const auto& files = static_cast<const arrow::StructArray&>(*array);
    const int bytes = files.struct_type()->GetFieldIndex(kFileBytes);
    ARROW_ASSIGN_OR_RAISE(array, files.GetFlattenedField(bytes));
  }
  if (array->type()->Equals(type)) return array;
  return arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Safe());
}

}  // namespace ringfeed
