// The encodings are those of streaming/base/format/mds/encodings.py.
#include "source/mds_index.hpp"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>

#include "base/folder.hpp"
#include "base/json.hpp"
#include "dataset/chunk.hpp"
#include "source/arrow_types.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

using Json = nlohmann::json;
using Type = std::shared_ptr<arrow::DataType>;

constexpr std::uint64_t kVersion = 2;
constexpr std::uint64_t kShardBytesMax = UINT32_MAX;  // offsets have 32 bits

/// Null for a name that is none.
Type number_type(std::string_view name) {
  static const std::map<std::string_view, Type> types = {
      {"int", arrow::int64()},       {"int8", arrow::int8()},       {"int16", arrow::int16()},
      {"int32", arrow::int32()},     {"int64", arrow::int64()},     {"uint8", arrow::uint8()},
      {"uint16", arrow::uint16()},   {"uint32", arrow::uint32()},   {"uint64", arrow::uint64()},
      {"float16", arrow::float16()}, {"float32", arrow::float32()}, {"float64", arrow::float64()},
  };
  const auto found = types.find(name);
  return found == types.end() ? nullptr : found->second;
}

/// "8,8"; nothing when it is no shape, or one of more elements than a sample may have bytes.
std::vector<std::int64_t> shape_of(std::string_view text) {
  std::vector<std::int64_t> shape;
  std::uint64_t elements = 1;
  while (!text.empty()) {
    std::int64_t dimension = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), dimension);
    if (error != std::errc() || dimension < 1) return {};
    if (static_cast<std::uint64_t>(dimension) > kSampleBytesMax / elements) return {};
    elements *= static_cast<std::uint64_t>(dimension);
    shape.push_back(dimension);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text[0] != ',' || text.size() == 1) return {};
    text.remove_prefix(1);
  }
  return shape;
}

std::shared_ptr<arrow::Field> tensor_field(const std::string& name, const Type& item,
                                           const std::vector<std::int64_t>& shape) {
  std::int64_t elements = 1;
  for (const auto dimension : shape) elements *= dimension;
  return arrow::field(name, arrow::fixed_size_list(item, static_cast<std::int32_t>(elements)))
      ->WithMetadata(arrow::key_value_metadata(
          {"ARROW:extension:name", "ARROW:extension:metadata"},
          {"arrow.fixed_shape_tensor", fmt::format("{{\"shape\":[{}]}}", fmt::join(shape, ","))}));
}

/// The field that the values are, or null for an encoding that cannot be held.
std::shared_ptr<arrow::Field> field_of(const std::string& name, const std::string& encoding) {
  if (encoding == "str" || encoding == "json") return arrow::field(name, arrow::utf8());
  if (encoding == "bytes" || encoding == "jpeg" || encoding == "png")
    return arrow::field(name, arrow::binary());
  if (const auto type = number_type(encoding)) return arrow::field(name, type);
  constexpr std::string_view kArray = "ndarray:";
  if (!encoding.starts_with(kArray)) return nullptr;
  const std::string_view rest = std::string_view(encoding).substr(kArray.size());
  const auto colon = rest.find(':');
  const auto dtype = rest.substr(0, colon);
  const auto item = dtype == "int" ? nullptr : number_type(dtype);
  if (item == nullptr) return nullptr;
  if (colon == std::string_view::npos) return arrow::field(name, arrow::list(item));
  const auto shape = shape_of(rest.substr(colon + 1));
  return shape.empty() ? nullptr : tensor_field(name, item, shape);
}

std::uint64_t bytes_of(const arrow::DataType& type) {
  if (type.id() == arrow::Type::FIXED_SIZE_LIST) {
    const auto& list = static_cast<const arrow::FixedSizeListType&>(type);
    return bytes_of(*list.value_type()) * static_cast<std::uint64_t>(list.list_size());
  }
  const bool varies = type.id() == arrow::Type::STRING || type.id() == arrow::Type::BINARY ||
                      type.id() == arrow::Type::LIST;
  return varies ? 0 : static_cast<std::uint64_t>(type.byte_width());
}

MdsColumn column_of(const std::string& name, const std::string& encoding, const Json& size) {
  MdsColumn column;
  column.sample_bytes = size.is_null() ? 0 : whole_number(size, "a size", kSampleBytesMax);
  const auto field = field_of(name, encoding);
  if (field == nullptr) {
    column.column.spec.name = name;
    column.column.refusal = fmt::format(
        "column {}: the encoding {} cannot be held; leave the column out, or write it "
        "as a number, str, bytes or ndarray:DTYPE",
        in_quotes(name), in_quotes(encoding));
    return column;
  }
  column.column = held_column(*field);
  column.type = field->type();
  column.has_shape = column.type->id() == arrow::Type::LIST;
  if (column.sample_bytes != bytes_of(*column.type)) {
    throw std::invalid_argument(fmt::format("column {}: {} cannot have {} bytes", in_quotes(name),
                                            in_quotes(encoding), size.dump()));
  }
  return column;
}

std::vector<MdsColumn> columns_of(const Json& shard) {
  const auto& names = shard.at("column_names");
  const auto& encodings = shard.at("column_encodings");
  const auto& sizes = shard.at("column_sizes");
  if (!names.is_array() || names.empty() || names.size() > kColumnsMax ||
      encodings.size() != names.size() || sizes.size() != names.size())
    throw std::invalid_argument("names, encodings and sizes of columns do not go together");
  std::map<std::string, bool> seen;
  std::vector<MdsColumn> columns;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto name = names[i].get<std::string>();
    if (!seen.emplace(name, true).second)
      throw std::invalid_argument(fmt::format("the column {} stands twice", in_quotes(name)));
    columns.push_back(column_of(name, encodings[i].get<std::string>(), sizes[i]));
  }
  return columns;
}

MdsShard shard_of(const Json& shard) {
  if (shard.at("format") != "mds" || shard.at("version") != kVersion)
    throw std::invalid_argument("a shard is not of the format mds, version 2");
  const auto& raw = shard.at("raw_data");
  const auto& compression = shard.at("compression");
  if (!compression.is_null())
    throw std::invalid_argument("a shard is compressed; write the shards without compression");
  MdsShard result;
  result.name = raw.at("basename").get<std::string>();
  if (!is_name_below(result.name) || result.name.find('/') != std::string::npos) {
    throw std::invalid_argument(
        fmt::format("{} is no name of a file in this folder", in_quotes(result.name)));
  }
  result.bytes = whole_number(raw.at("bytes"), "the bytes of a shard", kShardBytesMax);
  result.samples = whole_number(shard.at("samples"), "the samples of a shard", UINT32_MAX);
  return result;
}

}  // namespace

MdsIndex parse_mds_index(std::string_view text, const std::string& where) {
  try {
    const auto json = parse_json(text);
    if (json.at("version") != kVersion) throw std::invalid_argument("it is not of version 2");
    const auto& shards = json.at("shards");
    if (!shards.is_array() || shards.empty()) throw std::invalid_argument("there is no shard");
    MdsIndex index{columns_of(shards[0]), {}};
    for (const auto& shard : shards) {
      for (const auto* const key : {"column_names", "column_encodings", "column_sizes"}) {
        if (shard.at(key) != shards[0].at(key))
          throw std::invalid_argument("shards have different columns");
      }
      index.shards.push_back(shard_of(shard));
    }
    // Of an export of ours; MosaicML Streaming has none.
    if (const auto classes = json.find("classes"); classes != json.end() && classes->is_object()) {
      for (auto& column : index.columns) {
        const auto names = classes->find(column.column.spec.name);
        if (names != classes->end()) set_class_names(column.column.spec, *names);
      }
    }
    return index;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: {}; write it again", where, json_fault(error)));
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("{}: {}; write it again", where, json_fault(error)));
  }
}

}  // namespace ringfeed
