// The manifest as JSON text under a checksum of its own. A text is valid only when it is byte for
// byte what encode() writes, so no two texts mean the same and no byte goes unchecked.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <ringfeed/manifest.hpp>
#include <unordered_set>
#include <utility>

#include "base/hash.hpp"
#include "dataset/chunk.hpp"
#include "dataset/ranges.hpp"

namespace ringfeed {
namespace {

constexpr std::string_view kPrefix = "{\"xxh3\":\"";
constexpr std::string_view kBetween = "\",\"manifest\":";
constexpr std::string_view kSuffix = "}\n";
constexpr std::size_t kHexDigits = 16;
constexpr std::uint64_t kFormat = 1;

constexpr std::size_t kSplitsMax = 1024;
constexpr std::size_t kSplitNameBytesMax = 64;
constexpr std::size_t kPartNameBytesMax = 1024;
constexpr std::size_t kPermutationBytesMax = 64;
constexpr std::uint64_t kFrameBytesMax = std::uint64_t{1} << 30;
constexpr std::uint64_t kChunksMax = std::uint64_t{1} << 32;

constexpr std::pair<ColumnKind, std::string_view> kKinds[] = {
    {ColumnKind::kTensor, "tensor"},
    {ColumnKind::kList, "list"},
    {ColumnKind::kBinary, "binary"},
    {ColumnKind::kString, "string"},
};

std::string_view kind_name(ColumnKind kind) {
  for (const auto& [each, name] : kKinds) {
    if (each == kind) return name;
  }
  return "";
}

// Writing.

std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/true);
  } catch (const nlohmann::json::exception&) {
    throw Error(ErrorCode::kBadData,
                "a column or split has a name that is not UTF-8 text; rename it");
  }
}

template <typename T>
void append_numbers(std::string& out, const std::vector<T>& numbers) {
  out += '[';
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) out += ',';
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof(digits), numbers[i]).ptr;
    out.append(digits, end);
  }
  out += ']';
}

void append_hex(std::string& out, std::uint64_t number) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(number >> shift) & 15];
}

void append_frame(std::string& out, const Frame& frame) {
  out += fmt::format("{{\"bytes\":{},\"xxh3\":\"{:016x}\"}}", frame.bytes, frame.hash);
}

void append_ranges(std::string& out, const std::vector<ColumnRange>& ranges) {
  out += ",\"ranges\":";
  char separator = '[';
  for (const auto& [column, least, most] : ranges) {
    out += fmt::format("{}[{},{},{}]", separator, column, least, most);
    separator = ',';
  }
  out += ']';
}

void append_classes(std::string& out, const std::vector<std::string>& classes) {
  std::string_view separator = ",\"classes\":[";
  for (const auto& name : classes) {
    out += separator;
    out += quoted(name);
    separator = ",";
  }
  if (!classes.empty()) out += ']';
}

void append_part(std::string& out, const Part& part) {
  out += fmt::format("{{\"name\":{},\"split\":{},\"head\":", quoted(part.name), quoted(part.split));
  append_frame(out, part.head);
  out += ",\"tail\":";
  append_frame(out, part.tail);
  out += ",\"chunk_samples\":";
  append_numbers(out, part.chunk_samples);
  out += ",\"chunk_bytes\":";
  append_numbers(out, part.chunk_bytes);
  out += ",\"chunk_xxh3\":\"";
  for (const auto hash : part.chunk_hash) append_hex(out, hash);
  out += '"';
  if (!part.ranges.empty()) append_ranges(out, part.ranges);
  out += '}';
}

std::string body_of(const Manifest& manifest) {
  std::string out;
  std::size_t chunks = 0;
  for (const auto& part : manifest.parts) chunks += part.chunk_hash.size();
  out.reserve(1024 + 256 * manifest.parts.size() + 32 * chunks);
  out += fmt::format("{{\"format\":{},\"version\":{},\"columns\":[", kFormat, manifest.version);
  const char* separator = "";
  for (const auto& column : manifest.schema.columns) {
    out += fmt::format("{}{{\"name\":{},\"kind\":\"{}\",\"dtype\":\"{}\",\"shape\":", separator,
                       quoted(column.name), kind_name(column.kind), name_of(column.dtype));
    append_numbers(out, column.shape);
    append_classes(out, column.classes);
    out += '}';
    separator = ",";
  }
  out += "],\"splits\":[";
  separator = "";
  for (const auto& split : manifest.splits) {
    out += separator + quoted(split);
    separator = ",";
  }
  const auto& origin = manifest.origin;
  out += fmt::format(
      "],\"origin\":{{\"fingerprint\":\"{:016x}\",\"seed\":{},\"chunk_bytes\":{},\"permutation\":{}"
      "{}}},\"parts\":[",
      origin.fingerprint, origin.seed, origin.chunk_bytes, quoted(origin.permutation),
      origin.allow_nan ? ",\"allow_nan\":true" : "");
  separator = "";
  for (const auto& part : manifest.parts) {
    out += separator;
    append_part(out, part);
    separator = ",";
  }
  out += "]}";
  return out;
}

// Reading. Each function takes what it needs and throws Bad; decode() puts the place in front.

struct Bad {
  std::string what;
};

using Json = nlohmann::json;

const Json& member(const Json& object, const char* name, Json::value_t type) {
  if (!object.is_object()) throw Bad{fmt::format("'{}' has no object around it", name)};
  const auto found = object.find(name);
  if (found == object.end()) throw Bad{fmt::format("'{}' is missing", name)};
  if (found->type() != type) throw Bad{fmt::format("'{}' is of the wrong type", name)};
  return *found;
}

std::uint64_t number_in(const Json& json, std::string_view name, std::uint64_t least,
                        std::uint64_t most) {
  if (json.type() != Json::value_t::number_unsigned)
    throw Bad{fmt::format("{} is not a whole number", name)};
  const auto number = json.get<std::uint64_t>();
  if (number < least || number > most) {
    throw Bad{fmt::format("{} is {}, not in {} to {}", name, number, least, most)};
  }
  return number;
}

std::uint64_t number_at(const Json& object, const char* name, std::uint64_t least,
                        std::uint64_t most) {
  return number_in(member(object, name, Json::value_t::number_unsigned), name, least, most);
}

std::string text_at(const Json& object, const char* name, std::size_t bytes_max) {
  const auto& text = member(object, name, Json::value_t::string).get_ref<const std::string&>();
  if (text.empty() || text.size() > bytes_max)
    throw Bad{fmt::format("'{}' is empty or too long", name)};
  return text;
}

const Json& array_at(const Json& object, const char* name, std::size_t size_max) {
  const auto& array = member(object, name, Json::value_t::array);
  if (array.size() > size_max)
    throw Bad{fmt::format("'{}' has {} entries, the limit is {}", name, array.size(), size_max)};
  return array;
}

std::uint64_t parse_hex(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  if (digits.size() != kHexDigits || error != std::errc() || end != digits.data() + digits.size()) {
    throw Bad{"a checksum is not 16 hexadecimal digits"};
  }
  return number;
}

ColumnSpec parse_column(const Json& json) {
  ColumnSpec spec;
  spec.name = text_at(json, "name", kColumnNameBytesMax);
  const auto kind = text_at(json, "kind", 16);
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto& each) { return each.second == kind; });
  if (found == std::end(kKinds)) throw Bad{fmt::format("unknown kind of column '{}'", kind)};
  spec.kind = found->first;
  try {
    spec.dtype = dtype_from_name(text_at(json, "dtype", 16));
  } catch (const Error& error) {
    throw Bad{error.what()};
  }
  for (const auto& dimension : array_at(json, "shape", kTensorDimensionsMax)) {
    spec.shape.push_back(
        static_cast<std::int64_t>(number_in(dimension, "a dimension", 1, kSampleBytesMax)));
  }
  if (!json.contains("classes")) return spec;
  for (const auto& name : array_at(json, "classes", kClassNamesMax)) {
    if (!name.is_string()) throw Bad{"a class has no name"};
    spec.classes.push_back(name.get<std::string>());
  }
  return spec;
}

Schema parse_columns(const Json& body) {
  Schema schema;
  for (const auto& json : array_at(body, "columns", kColumnsMax))
    schema.columns.push_back(parse_column(json));
  try {
    schema.check();
  } catch (const Error& error) {
    throw Bad{error.what()};
  }
  return schema;
}

Frame parse_frame(const Json& part, const char* name) {
  const auto& json = member(part, name, Json::value_t::object);
  Frame frame;
  frame.bytes = number_at(json, "bytes", 0, kFrameBytesMax);
  frame.hash = parse_hex(text_at(json, "xxh3", kHexDigits));
  return frame;
}

std::int64_t signed_in(const Json& json, std::string_view name) {
  const bool fits = json.type() == Json::value_t::number_integer ||
                    (json.type() == Json::value_t::number_unsigned &&
                     json.get<std::uint64_t>() <= std::uint64_t{INT64_MAX});
  if (!fits) throw Bad{fmt::format("{} is not a whole number of 64 bits", name)};
  return json.get<std::int64_t>();
}

std::vector<ColumnRange> parse_ranges(const Json& part, const Schema& schema) {
  std::vector<ColumnRange> ranges;
  if (!part.contains("ranges")) return ranges;
  std::uint64_t least_column = 0;
  for (const auto& json : array_at(part, "ranges", schema.columns.size())) {
    if (!json.is_array() || json.size() != 3) throw Bad{"a range has not three numbers"};
    const auto column =
        number_in(json[0], "the column of a range", least_column, schema.columns.size() - 1);
    ranges.push_back({static_cast<std::uint32_t>(column), signed_in(json[1], "a range's least"),
                      signed_in(json[2], "a range's most")});
    if (!has_range(schema.columns[column]) || ranges.back().least > ranges.back().most) {
      throw Bad{fmt::format("the range of column {} is not one", schema.columns[column].name)};
    }
    least_column = column + 1;
  }
  return ranges;
}

Part parse_part(const Json& json, const Schema& schema, const std::vector<std::string>& splits) {
  Part part;
  part.name = text_at(json, "name", kPartNameBytesMax);
  part.split = text_at(json, "split", kSplitNameBytesMax);
  if (std::find(splits.begin(), splits.end(), part.split) == splits.end()) {
    throw Bad{fmt::format("part {} is of an unknown split '{}'", part.name, part.split)};
  }
  part.head = parse_frame(json, "head");
  part.tail = parse_frame(json, "tail");
  if (part.head.bytes % kChunkAlignment != 0)
    throw Bad{fmt::format("part {}: its head has an odd length", part.name)};
  const auto& samples = array_at(json, "chunk_samples", kChunksMax);
  const auto& bytes = array_at(json, "chunk_bytes", samples.size());
  const std::string_view hashes =
      samples.empty()
          ? std::string_view()
          : member(json, "chunk_xxh3", Json::value_t::string).get_ref<const std::string&>();
  if (samples.empty() || bytes.size() != samples.size() ||
      hashes.size() != kHexDigits * samples.size()) {
    throw Bad{
        fmt::format("part {} has {} sample counts, {} sizes and {} hexadecimal digits of checksums",
                    part.name, samples.size(), bytes.size(), hashes.size())};
  }
  part.chunk_samples.reserve(samples.size());
  part.chunk_bytes.reserve(samples.size());
  part.chunk_hash.reserve(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto count = number_in(samples[i], "a chunk's number of samples", 1, UINT32_MAX);
    const auto size = number_in(bytes[i], "a chunk's size", kChunkAlignment, kChunkBytesMax);
    if (size % kChunkAlignment != 0)
      throw Bad{fmt::format("part {}: chunk {} has an odd length", part.name, i)};
    part.chunk_samples.push_back(static_cast<std::uint32_t>(count));
    part.chunk_bytes.push_back(static_cast<std::uint32_t>(size));
    part.chunk_hash.push_back(parse_hex(hashes.substr(i * kHexDigits, kHexDigits)));
  }
  part.ranges = parse_ranges(json, schema);
  return part;
}

/// Refuses more columns than there may be before the text is parsed, which takes forty times its
/// memory. The columns come first in what encode() writes.
void check_column_count(std::string_view body) {
  const auto first = body.find('[');
  const bool columns_first = body.substr(0, first).ends_with("\"columns\":");
  std::size_t columns = 0;
  int depth = 1;
  bool in_string = false;
  for (std::size_t i = first; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      continue;
    }
    if (c == ']' || c == '}') depth -= 1;
    if (c == '[' || c == '{') ++depth;
    if (c == '{' && depth == 3 && ++columns > kColumnsMax)
      throw Bad{fmt::format("there are more than {} columns", kColumnsMax)};
    if (depth == 1 && columns_first) return;
  }
}

Manifest parse_body(std::string_view body) {
  check_column_count(body);
  const Json json = Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw Bad{"it is not JSON text"};
  if (const auto format = number_at(json, "format", 1, UINT64_MAX); format != kFormat) {
    throw Bad{fmt::format("it has format {}, this program reads format {}; use a newer ringfeed",
                          format, kFormat)};
  }
  Manifest manifest;
  manifest.version = number_at(json, "version", 1, UINT64_MAX);
  manifest.schema = parse_columns(json);
  for (const auto& split : array_at(json, "splits", kSplitsMax)) {
    if (!split.is_string() || !is_split_name(split.get_ref<const std::string&>()))
      throw Bad{"a split's name is not right"};
    auto name = split.get<std::string>();
    if (std::find(manifest.splits.begin(), manifest.splits.end(), name) != manifest.splits.end()) {
      throw Bad{fmt::format("split {} stands twice", name)};
    }
    manifest.splits.push_back(std::move(name));
  }
  if (manifest.splits.empty()) throw Bad{"there is no split"};
  const auto& origin = member(json, "origin", Json::value_t::object);
  manifest.origin.fingerprint = parse_hex(text_at(origin, "fingerprint", kHexDigits));
  manifest.origin.seed = number_at(origin, "seed", 0, UINT64_MAX);
  manifest.origin.chunk_bytes = number_at(origin, "chunk_bytes", 0, UINT64_MAX);
  manifest.origin.permutation = text_at(origin, "permutation", kPermutationBytesMax);
  if (origin.contains("allow_nan"))
    manifest.origin.allow_nan = member(origin, "allow_nan", Json::value_t::boolean).get<bool>();
  std::unordered_set<std::string> names;
  std::uint64_t chunks = 0;
  for (const auto& part : array_at(json, "parts", kChunksMax)) {
    manifest.parts.push_back(parse_part(part, manifest.schema, manifest.splits));
    chunks += manifest.parts.back().chunk_hash.size();
    if (chunks > kChunksMax) throw Bad{fmt::format("there are more than {} chunks", kChunksMax)};
    if (!names.insert(manifest.parts.back().name).second) {
      throw Bad{fmt::format("part {} stands twice", manifest.parts.back().name)};
    }
  }
  return manifest;
}

}  // namespace

std::uint64_t Part::samples() const noexcept {
  std::uint64_t sum = 0;
  for (const auto count : chunk_samples) sum += count;
  return sum;
}

std::uint64_t Part::bytes() const noexcept {
  std::uint64_t sum = head.bytes + tail.bytes;
  for (const auto size : chunk_bytes) sum += size;
  return sum;
}

std::vector<SplitInfo> Manifest::split_infos() const {
  std::vector<SplitInfo> infos;
  for (const auto& name : splits) {
    SplitInfo info;
    info.name = name;
    for (const auto& part : parts) {
      if (part.split != name) continue;
      info.samples += part.samples();
      info.chunks += part.chunk_bytes.size();
      info.bytes += part.bytes() - part.head.bytes - part.tail.bytes;
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

std::optional<ColumnRange> Manifest::range(std::size_t column) const {
  std::optional<ColumnRange> all;
  for (const auto& part : parts) {
    const auto found = std::ranges::find(part.ranges, column, &ColumnRange::column);
    if (found == part.ranges.end()) return std::nullopt;
    if (!all) all = *found;
    all->least = std::min(all->least, found->least);
    all->most = std::max(all->most, found->most);
  }
  return all;
}

std::string Manifest::encode() const {
  const std::string body = body_of(*this);
  std::string text;
  text.reserve(body.size() + 64);
  text += kPrefix;
  append_hex(text, hash_bytes(body));
  text += kBetween;
  text += body;
  text += kSuffix;
  return text;
}

std::string Manifest::text_to_publish() const {
  std::string text = encode();
  try {
    if (decode(text, "it") == *this) return text;
  } catch (const Error& error) {
    throw Error(ErrorCode::kInternal,
                fmt::format("version {} is not published, for nothing could open it: {}", version,
                            error.what()));
  }
  throw Error(
      ErrorCode::kInternal,
      fmt::format("version {} is not published, for it would be read as another one", version));
}

Manifest Manifest::decode(std::string_view text, std::string_view where) {
  const auto bad = [&](std::string_view what) {
    return Error(
        ErrorCode::kBadData,
        fmt::format(
            "{}: the manifest is damaged: {}; restore it from a copy, or delete the data set "
            "and ingest again",
            where, what));
  };
  constexpr std::size_t kBodyAt = kPrefix.size() + kHexDigits + kBetween.size();
  if (text.size() > kManifestBytesMax)
    throw bad(fmt::format("it has {} bytes, the limit is {}", text.size(), kManifestBytesMax));
  if (text.size() < kBodyAt + kSuffix.size() || text.substr(0, kPrefix.size()) != kPrefix ||
      text.substr(kPrefix.size() + kHexDigits, kBetween.size()) != kBetween ||
      text.substr(text.size() - kSuffix.size()) != kSuffix) {
    throw bad(fmt::format("its {} bytes do not begin and end as a manifest does", text.size()));
  }
  const auto body = text.substr(kBodyAt, text.size() - kBodyAt - kSuffix.size());
  std::string sum;
  append_hex(sum, hash_bytes(body));
  if (text.substr(kPrefix.size(), kHexDigits) != sum)
    throw bad("its bytes do not match its checksum");
  try {
    auto manifest = parse_body(body);
    if (body_of(manifest) != body) throw Bad{"it is not in the form that ringfeed writes"};
    return manifest;
  } catch (const Bad& error) {
    throw bad(error.what);
  }
}

bool is_split_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > kSplitNameBytesMax || name[0] == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

}  // namespace ringfeed
