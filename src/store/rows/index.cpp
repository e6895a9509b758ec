// The index as JSON text under a checksum of its own, in the manner of the manifest
// (dataset/manifest.cpp).
#include "store/rows/index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <unordered_set>
#include <utility>

#include "base/json.hpp"
#include "base/sealed.hpp"
#include "store/rows/column_json.hpp"

namespace ringfeed::rows {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSealedAs = "index";
constexpr std::size_t kHexDigits = 16;
constexpr std::uint64_t kFormat = 1;

struct Bad {
  std::string what;
};

// ---- writing ----

std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

Json hex_of(const std::vector<std::string>& cells) {
  Json array = Json::array();
  for (const auto& cell : cells) array.push_back(hex_of(cell));
  return array;
}

Json json_of(const KeyColumn& column) {
  return {{"name", column.name}, {"type", column.type}, {"descending", column.descending}};
}

Json json_of(const std::vector<KeyColumn>& columns) {
  Json array = Json::array();
  for (const auto& column : columns) array.push_back(json_of(column));
  return array;
}

Json json_of(const RowBlock& block) {
  Json array = {block.after, block.upto, block.rows, block.bytes,
                fmt::format("{:016x}", block.digest)};
  if (!block.partition.empty()) {
    array.push_back(hex_of(block.partition));
    array.push_back(hex_of(block.behind));
    array.push_back(hex_of(block.last));
  }
  return array;
}

std::string body_of(const RowIndex& index) {
  Json columns = Json::array();
  for (const auto& column : index.columns) columns.push_back(json_of(column));
  Json splits = Json::array();
  for (const auto& split : index.splits) {
    Json blocks = Json::array();
    for (const auto& block : split.blocks) blocks.push_back(json_of(block));
    splits.push_back({{"name", split.name}, {"blocks", std::move(blocks)}});
  }
  Json body = {{"format", kFormat},
               {"version", index.version},
               {"cluster", index.cluster},
               {"keyspace", index.keyspace},
               {"table", index.table},
               {"table_id", index.table_id},
               {"partition_key", json_of(index.partition_key)},
               {"clustering", json_of(index.clustering)},
               {"columns", std::move(columns)},
               {"split_column", index.split_column ? json_of(*index.split_column) : Json(nullptr)},
               {"digest", index.digest_values ? "values" : "keys"},
               {"block_bytes", index.block_bytes},
               {"fingerprint", fmt::format("{:016x}", index.fingerprint)},
               {"splits", std::move(splits)}};
  if (index.allow_nan) body["allow_nan"] = true;
  try {
    return body.dump(-1, ' ', /*ensure_ascii=*/true);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::kBadData,
                fmt::format("a name in the table is not UTF-8 text: {}", json_fault(error)));
  }
}

// ---- reading; throws Bad or the errors of Json ----

std::uint64_t number_of_hex(const std::string& digits) {
  std::size_t end = 0;
  if (digits.size() != kHexDigits) throw Bad{"a digest is not 16 hexadecimal digits"};
  const auto number = std::stoull(digits, &end, 16);
  if (end != digits.size()) throw Bad{"a digest is not 16 hexadecimal digits"};
  return number;
}

std::vector<std::string> cells_of_hex(const Json& json) {
  std::vector<std::string> cells;
  for (const auto& item : json) {
    const auto& digits = item.get_ref<const std::string&>();
    std::string cell;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
      cell += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    cells.push_back(std::move(cell));
  }
  return cells;
}

KeyColumn key_column_of(const Json& json) {
  return {json.at("name").get<std::string>(), json.at("type").get<std::string>(),
          json.at("descending").get<bool>()};
}

std::vector<KeyColumn> key_columns_of(const Json& json) {
  std::vector<KeyColumn> columns;
  for (const auto& item : json) columns.push_back(key_column_of(item));
  return columns;
}

RowBlock block_of(const Json& json, std::size_t partition_columns, std::size_t clustering_columns) {
  RowBlock block;
  block.after = json.at(0).get<std::int64_t>();
  block.upto = json.at(1).get<std::int64_t>();
  block.rows = json.at(2).get<std::uint32_t>();
  block.bytes = json.at(3).get<std::uint64_t>();
  block.digest = number_of_hex(json.at(4).get<std::string>());
  if (block.after >= block.upto || block.rows == 0 ||
      block.bytes > std::numeric_limits<std::uint32_t>::max())
    throw Bad{"a block is not right"};
  if (json.size() == 5) return block;
  block.partition = cells_of_hex(json.at(5));
  block.behind = cells_of_hex(json.at(6));
  block.last = cells_of_hex(json.at(7));
  const bool bounds_fit =
      block.behind.size() <= clustering_columns && block.last.size() <= clustering_columns;
  if (block.partition.size() != partition_columns || !bounds_fit)
    throw Bad{"a block of a partition is not right"};
  return block;
}

void check_names(const RowIndex& index) {
  if (index.partition_key.empty()) throw Bad{"there is no column of the partition key"};
  index.schema().check();
  std::unordered_set<std::string_view> names;
  for (const auto& split : index.splits) {
    if (!is_split_name(split.name) || !names.insert(split.name).second)
      throw Bad{"the names of splits are not right"};
  }
  if (index.splits.empty()) throw Bad{"there is no split"};
}

RowIndex parse_body(std::string_view body) {
  const auto json = parse_json<Json>(body);
  const auto format = json.at("format").get<std::uint64_t>();
  if (format != kFormat) {
    throw Bad{fmt::format("it has format {}, this program reads format {}; use a newer ringfeed",
                          format, kFormat)};
  }
  RowIndex index;
  index.version = json.at("version").get<std::uint64_t>();
  if (index.version == 0) throw Bad{"there is no version 0"};
  index.cluster = json.at("cluster").get<std::string>();
  index.keyspace = json.at("keyspace").get<std::string>();
  index.table = json.at("table").get<std::string>();
  index.table_id = json.at("table_id").get<std::string>();
  index.partition_key = key_columns_of(json.at("partition_key"));
  index.clustering = key_columns_of(json.at("clustering"));
  for (const auto& column : json.at("columns")) index.columns.push_back(column_of_json(column));
  if (!json.at("split_column").is_null())
    index.split_column = key_column_of(json.at("split_column"));
  index.digest_values = json.at("digest").get<std::string>() == "values";
  index.block_bytes = json.at("block_bytes").get<std::uint64_t>();
  index.fingerprint = number_of_hex(json.at("fingerprint").get<std::string>());
  for (const auto& split : json.at("splits")) {
    RowSplit& added = index.splits.emplace_back();
    added.name = split.at("name").get<std::string>();
    for (const auto& block : split.at("blocks")) {
      added.blocks.push_back(block_of(block, index.partition_key.size(), index.clustering.size()));
    }
  }
  if (json.contains("allow_nan")) index.allow_nan = json.at("allow_nan").get<bool>();
  check_names(index);
  return index;
}

}  // namespace

Schema RowIndex::schema() const {
  Schema schema;
  for (const auto& column : columns) schema.columns.push_back(column.spec);
  return schema;
}

Manifest RowIndex::manifest() const {
  Manifest manifest;
  manifest.version = version;
  manifest.schema = schema();
  manifest.origin = {fingerprint, 0, block_bytes, "by token", allow_nan};
  manifest.groups = {manifest.schema.places_of({})};  // a row is stored as one
  for (const auto& split : splits) {
    manifest.splits.push_back(split.name);
    auto& row_groups = manifest.rows.emplace_back();
    for (const auto& block : split.blocks) row_groups.push_back(block.rows);
    if (split.blocks.empty()) continue;
    Part& part = manifest.parts.emplace_back();
    part.name = fmt::format("{}/{}", table_id, split.name);
    part.split = split.name;
    for (const auto& block : split.blocks) {
      part.chunk_samples.push_back(block.rows);
      part.chunk_bytes.push_back(static_cast<std::uint32_t>(block.bytes));
      part.chunk_hash.push_back(block.digest);
    }
  }
  manifest.lineage = manifest.new_lineage();
  return manifest;
}

std::string RowIndex::encode() const { return seal(kSealedAs, body_of(*this)); }

std::string RowIndex::text_to_publish() const {
  std::string text = encode();
  try {
    if (text.size() <= kIndexBytesMax && decode(text, "it") == *this) return text;
  } catch (const Error& error) {
    throw Error(
        ErrorCode::kInternal,
        fmt::format("the index is not written, for nothing could open it: {}", error.what()));
  }
  throw Error(ErrorCode::kInternal,
              fmt::format("the index is not written, for its {} bytes could not be read; attach "
                          "fewer rows, or in larger blocks",
                          text.size()));
}

RowIndex RowIndex::decode(std::string_view text, std::string_view where) {
  const auto bad = [&](std::string_view what) {
    return Error(ErrorCode::kBadData,
                 fmt::format("{}: the index is damaged: {}; remove it and attach the table again",
                             where, what));
  };
  const auto body = unseal(kSealedAs, text);
  if (!body) throw bad("its bytes do not match their checksum");
  try {
    RowIndex index = parse_body(*body);
    if (body_of(index) != *body) throw Bad{"it is not written as ringfeed writes it"};
    return index;
  } catch (const Bad& problem) {
    throw bad(problem.what);
  } catch (const Json::exception& error) {
    throw bad(json_fault(error));
  } catch (const std::logic_error& error) {  // of a number
    throw bad(error.what());
  } catch (const Error& error) {
    throw bad(error.what());
  }
}

void append_to_digest(std::string& text, std::string_view cell) {
  const auto size =
      cell.data() == nullptr ? std::uint32_t{0xFFFFFFFF} : static_cast<std::uint32_t>(cell.size());
  for (int i = 0; i < 4; ++i) text += static_cast<char>(size >> (8 * i) & 0xFF);
  text += cell;
}

}  // namespace ringfeed::rows
