// The manifest as JSON text under a checksum of its own. A text is valid only when it is byte for
// byte what encode() writes, so no two texts mean the same and no byte goes unchecked.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
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
constexpr std::uint64_t kFormat = 2;
/// A tensor of more bytes a sample is a group of its own.
constexpr std::size_t kNarrowBytesMax = 4096;

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

/// An array of arrays of numbers.
template <typename T>
void append_lists(std::string& out, const std::vector<std::vector<T>>& lists) {
  char separator = '[';
  for (const auto& list : lists) {
    out += separator;
    append_numbers(out, list);
    separator = ',';
  }
  out += ']';
}

void append_part(std::string& out, const Part& part) {
  out += fmt::format("{{\"name\":{},\"split\":{},\"group\":{},\"head\":", quoted(part.name),
                     quoted(part.split), part.group);
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
  for (const auto& rows : manifest.rows) chunks += rows.size() / 4;
  out.reserve(1024 + 256 * manifest.parts.size() + 32 * chunks);
  out += fmt::format("{{\"format\":{},\"version\":{},\"lineage\":\"{:016x}\",\"columns\":[",
                     kFormat, manifest.version, manifest.lineage);
  const char* separator = "";
  for (const auto& column : manifest.schema.columns) {
    out += fmt::format("{}{{\"name\":{},\"kind\":\"{}\",\"dtype\":\"{}\",\"shape\":", separator,
                       quoted(column.name), kind_name(column.kind), name_of(column.dtype));
    append_numbers(out, column.shape);
    append_classes(out, column.classes);
    out += '}';
    separator = ",";
  }
  out += "],\"groups\":";
  append_lists(out, manifest.groups);
  out += ",\"splits\":[";
  separator = "";
  for (const auto& split : manifest.splits) {
    out += separator + quoted(split);
    separator = ",";
  }
  out += "],\"rows\":";
  append_lists(out, manifest.rows);
  const auto& origin = manifest.origin;
  out += fmt::format(
      ",\"origin\":{{\"fingerprint\":\"{:016x}\",\"seed\":{},\"chunk_bytes\":{},\"permutation\":{}"
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

// Reading. What is wrong is thrown as Bad; decode() puts the place in front.

struct Bad {
  std::string what;
};

/// Of a format that is read no more.
struct Outdated {
  std::uint64_t format;
};

constexpr std::string_view kOtherForm = "it is not in the form that ringfeed writes";

/// The text from where it was read so far. It is read along as body_of() writes it, so memory is
/// taken for what the manifest holds alone.
class Text {
 public:
  explicit Text(std::string_view rest) : rest_(rest) {}

  bool skip(std::string_view words) {
    if (!rest_.starts_with(words)) return false;
    rest_.remove_prefix(words.size());
    return true;
  }

  void expect(std::string_view words) {
    if (!skip(words))
      throw Bad{fmt::format("{}: '{}' does not stand where it has to", kOtherForm, words)};
  }

  void expect_end() const {
    if (!rest_.empty()) throw Bad{fmt::format("{}: something stands behind its end", kOtherForm)};
  }

  template <typename T>
  T number(std::string_view name, T least, T most) {
    T number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) throw Bad{fmt::format("{} is not a whole number of 64 bits", name)};
    if (number < least || number > most)
      throw Bad{fmt::format("{} is {}, not in {} to {}", name, number, least, most)};
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return number;
  }

  std::string text(std::string_view name, std::size_t bytes_max) {
    const auto bad = [&] { return Bad{fmt::format("'{}' is no text, empty or too long", name)}; };
    // Of one byte at most six are made.
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != '"' && end <= 6 * bytes_max)
      end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size() || rest_[end] != '"') throw bad();
    const auto json = nlohmann::json::parse(rest_.substr(0, end + 1), nullptr,
                                            /*allow_exceptions=*/false);
    if (!json.is_string()) throw bad();
    auto text = json.get<std::string>();
    if (text.empty() || text.size() > bytes_max) throw bad();
    rest_.remove_prefix(end + 1);
    return text;
  }

  /// `count` checksums of 16 digits each.
  std::vector<std::uint64_t> hashes(std::size_t count) {
    expect("\"");
    if (rest_.size() / kHexDigits < count) throw Bad{"checksums are missing"};
    std::vector<std::uint64_t> hashes(count);
    for (auto& hash : hashes) {
      const char* const end = rest_.data() + kHexDigits;
      const auto [found, error] = std::from_chars(rest_.data(), end, hash, 16);
      if (error != std::errc() || found != end)
        throw Bad{"a checksum is not 16 hexadecimal digits"};
      rest_.remove_prefix(kHexDigits);
    }
    expect("\"");
    return hashes;
  }

  std::uint64_t hash() { return hashes(1).front(); }

  /// An array, each element of which `read` reads.
  template <typename Read>
  void array(std::string_view name, std::size_t size_max, const Read& read) {
    expect("[");
    for (std::size_t size = 0; !skip("]"); ++size) {
      if (size == size_max) throw Bad{fmt::format("there are more than {} {}", size_max, name)};
      if (size > 0) expect(",");
      read();
    }
  }

 private:
  std::string_view rest_;
};

ColumnSpec parse_column(Text& text) {
  ColumnSpec spec;
  text.expect("{\"name\":");
  spec.name = text.text("name", kColumnNameBytesMax);
  text.expect(",\"kind\":");
  const auto kind = text.text("kind", 16);
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const auto& each) { return each.second == kind; });
  if (found == std::end(kKinds)) throw Bad{fmt::format("unknown kind of column '{}'", kind)};
  spec.kind = found->first;
  text.expect(",\"dtype\":");
  spec.dtype = dtype_from_name(text.text("dtype", 16));
  text.expect(",\"shape\":");
  text.array("dimensions", kTensorDimensionsMax, [&] {
    spec.shape.push_back(text.number<std::int64_t>("a dimension", 1, kSampleBytesMax));
  });
  if (text.skip(",\"classes\":")) {
    text.array("classes", kClassNamesMax,
               [&] { spec.classes.push_back(text.text("a class", kClassNameBytesMax)); });
  }
  text.expect("}");
  return spec;
}

Frame parse_frame(Text& text) {
  Frame frame;
  text.expect("{\"bytes\":");
  frame.bytes = text.number<std::uint64_t>("bytes", 0, kFrameBytesMax);
  text.expect(",\"xxh3\":");
  frame.hash = text.hash();
  text.expect("}");
  return frame;
}

std::vector<ColumnPlaces> parse_groups(Text& text, std::size_t columns) {
  std::vector<ColumnPlaces> groups;
  std::vector<bool> seen(columns, false);
  std::size_t left = columns;
  text.array("column groups", columns, [&] {
    ColumnPlaces& group = groups.emplace_back();
    text.array("columns of a group", columns, [&] {
      const std::uint32_t least = group.empty() ? 0 : group.back() + 1;
      group.push_back(
          text.number("a column of a group", least, static_cast<std::uint32_t>(columns - 1)));
      if (seen[group.back()]) throw Bad{"a column is in two groups"};
      seen[group.back()] = true;
      --left;
    });
    if (group.empty()) throw Bad{"a group has no column"};
  });
  if (left > 0) throw Bad{"a column is in no group"};
  return groups;
}

std::vector<ColumnRange> parse_ranges(Text& text, const Schema& schema, const ColumnPlaces& group) {
  std::vector<ColumnRange> ranges;
  const auto read = [&] {
    const std::uint32_t least_column = ranges.empty() ? 0 : ranges.back().column + 1;
    ColumnRange range;
    text.expect("[");
    range.column = text.number("the column of a range", least_column,
                               static_cast<std::uint32_t>(schema.columns.size() - 1));
    text.expect(",");
    range.least = text.number<std::int64_t>("a range's least", INT64_MIN, INT64_MAX);
    text.expect(",");
    range.most = text.number<std::int64_t>("a range's most", INT64_MIN, INT64_MAX);
    text.expect("]");
    const auto& column = schema.columns[range.column];
    if (!has_range(column) || range.least > range.most ||
        !std::ranges::binary_search(group, range.column))
      throw Bad{fmt::format("the range of column {} is not one", column.name)};
    const auto classes = static_cast<std::int64_t>(column.classes.size());
    if (classes > 0 && (range.least < 0 || range.most >= classes))
      throw Bad{fmt::format("column {} has numbers beyond those of its classes", column.name)};
    ranges.push_back(range);
  };
  text.array("ranges", schema.columns.size(), read);
  return ranges;
}

void parse_chunks(Text& text, Part& part) {
  text.expect(",\"chunk_samples\":");
  text.array("chunks", kChunksMax, [&] {
    part.chunk_samples.push_back(
        text.number<std::uint32_t>("a chunk's number of samples", 1, UINT32_MAX));
  });
  text.expect(",\"chunk_bytes\":");
  const std::size_t count = part.chunk_samples.size();
  text.array("sizes of chunks", count, [&] {
    const auto size = text.number<std::uint32_t>("a chunk's size", kChunkAlignment, kChunkBytesMax);
    if (size % kChunkAlignment != 0)
      throw Bad{fmt::format("part {}: a chunk has an odd length", part.name)};
    part.chunk_bytes.push_back(size);
  });
  if (count == 0 || part.chunk_bytes.size() != count) {
    throw Bad{fmt::format("part {} has {} sample counts and {} sizes", part.name, count,
                          part.chunk_bytes.size())};
  }
  text.expect(",\"chunk_xxh3\":");
  part.chunk_hash = text.hashes(count);
}

Part parse_part(Text& text, const Manifest& manifest) {
  Part part;
  text.expect("{\"name\":");
  part.name = text.text("name", kPartNameBytesMax);
  text.expect(",\"split\":");
  part.split = text.text("split", kSplitNameBytesMax);
  if (std::ranges::find(manifest.splits, part.split) == manifest.splits.end())
    throw Bad{fmt::format("part {} is of an unknown split '{}'", part.name, part.split)};
  text.expect(",\"group\":");
  part.group = text.number("a part's group", std::uint32_t{0},
                           static_cast<std::uint32_t>(manifest.groups.size() - 1));
  text.expect(",\"head\":");
  part.head = parse_frame(text);
  if (part.head.bytes % kChunkAlignment != 0)
    throw Bad{fmt::format("part {}: its head has an odd length", part.name)};
  text.expect(",\"tail\":");
  part.tail = parse_frame(text);
  parse_chunks(text, part);
  if (text.skip(",\"ranges\":"))
    part.ranges = parse_ranges(text, manifest.schema, manifest.groups[part.group]);
  text.expect("}");
  return part;
}

Origin parse_origin(Text& text) {
  Origin origin;
  text.expect("{\"fingerprint\":");
  origin.fingerprint = text.hash();
  text.expect(",\"seed\":");
  origin.seed = text.number<std::uint64_t>("seed", 0, UINT64_MAX);
  text.expect(",\"chunk_bytes\":");
  origin.chunk_bytes = text.number<std::uint64_t>("chunk_bytes", 0, UINT64_MAX);
  text.expect(",\"permutation\":");
  origin.permutation = text.text("permutation", kPermutationBytesMax);
  origin.allow_nan = text.skip(",\"allow_nan\":true");
  text.expect("}");
  return origin;
}

void check_names(const std::vector<Part>& parts) {
  std::unordered_set<std::string_view> names;
  for (const auto& part : parts) {
    if (!names.insert(part.name).second) throw Bad{fmt::format("part {} stands twice", part.name)};
  }
}

/// No chunk has more samples than its bytes can hold.
void check_counts(const Manifest& manifest) {
  std::vector<std::uint64_t> sample_bits;  // by group
  for (const auto& group : manifest.groups) {
    std::uint64_t& bits = sample_bits.emplace_back();
    for (const auto place : group) {
      const auto& column = manifest.schema.columns[place];
      const auto elements = static_cast<std::uint64_t>(column.elements());
      if (column.kind != ColumnKind::kTensor)
        bits += 8 * sizeof(std::int32_t);  // its end among the elements
      else
        bits += elements * (column.dtype == DType::kBool ? 1 : 8 * size_of(column.dtype));
    }
  }
  for (const auto& part : manifest.parts) {
    for (std::size_t i = 0; i < part.chunk_samples.size(); ++i) {
      if (part.chunk_samples[i] * sample_bits[part.group] / 8 <= part.chunk_bytes[i]) continue;
      throw Bad{fmt::format("part {}, chunk {}: {} samples cannot be in {} bytes", part.name, i,
                            part.chunk_samples[i], part.chunk_bytes[i])};
    }
  }
}

/// The chunks of each split and group are those of its row groups, whole ones.
void check_rows(const Manifest& manifest) {
  std::map<std::pair<std::size_t, std::uint32_t>, std::size_t> next;  // row group, of each
  for (const auto& part : manifest.parts) {
    const auto split = static_cast<std::size_t>(std::ranges::find(manifest.splits, part.split) -
                                                manifest.splits.begin());
    const auto& rows = manifest.rows[split];
    std::size_t& at = next[{split, part.group}];
    for (const auto samples : part.chunk_samples) {
      std::uint64_t sum = 0;
      while (sum < samples && at < rows.size()) sum += rows[at++];
      if (sum != samples)
        throw Bad{fmt::format("part {}: its chunks are not cut as the row groups", part.name)};
    }
  }
  std::size_t due = 0;
  for (const auto& rows : manifest.rows) due += rows.empty() ? 0 : manifest.groups.size();
  const auto ends = std::ranges::count_if(next, [&](const auto& each) {
    return each.second == manifest.rows[each.first.first].size();
  });
  if (static_cast<std::size_t>(ends) != due || next.size() != due)
    throw Bad{"a column group has not all row groups"};
}

std::string parse_split(Text& text, const std::vector<std::string>& before) {
  auto name = text.text("a split", kSplitNameBytesMax);
  if (!is_split_name(name)) throw Bad{"a split's name is not right"};
  if (std::find(before.begin(), before.end(), name) != before.end())
    throw Bad{fmt::format("split {} stands twice", name)};
  return name;
}

Manifest parse_body(std::string_view body) {
  Text text(body);
  text.expect("{\"format\":");
  if (const auto format = text.number<std::uint64_t>("format", 1, UINT64_MAX); format != kFormat) {
    if (format < kFormat) throw Outdated{format};
    throw Bad{fmt::format("it has format {}, this program reads format {}; use a newer ringfeed",
                          format, kFormat)};
  }
  Manifest manifest;
  text.expect(",\"version\":");
  manifest.version = text.number<std::uint64_t>("version", 1, UINT64_MAX);
  text.expect(",\"lineage\":");
  manifest.lineage = text.hash();
  text.expect(",\"columns\":");
  text.array("columns", kColumnsMax,
             [&] { manifest.schema.columns.push_back(parse_column(text)); });
  manifest.schema.check();
  text.expect(",\"groups\":");
  manifest.groups = parse_groups(text, manifest.schema.columns.size());
  text.expect(",\"splits\":");
  text.array("splits", kSplitsMax,
             [&] { manifest.splits.push_back(parse_split(text, manifest.splits)); });
  if (manifest.splits.empty()) throw Bad{"there is no split"};
  text.expect(",\"rows\":");
  text.array("splits of row groups", manifest.splits.size(), [&] {
    auto& rows = manifest.rows.emplace_back();
    text.array("row groups", kChunksMax, [&] {
      rows.push_back(text.number<std::uint32_t>("a row group's number of samples", 1, UINT32_MAX));
    });
  });
  if (manifest.rows.size() != manifest.splits.size()) throw Bad{"a split has no row groups"};
  text.expect(",\"origin\":");
  manifest.origin = parse_origin(text);
  text.expect(",\"parts\":");
  std::uint64_t chunks = 0;
  text.array("parts", kChunksMax, [&] {
    manifest.parts.push_back(parse_part(text, manifest));
    chunks += manifest.parts.back().chunk_hash.size();
    if (chunks > kChunksMax) throw Bad{fmt::format("there are more than {} chunks", kChunksMax)};
  });
  text.expect("}");
  text.expect_end();
  check_names(manifest.parts);
  check_counts(manifest);
  check_rows(manifest);
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

std::vector<ColumnPlaces> default_groups(const Schema& schema) {
  std::vector<ColumnPlaces> groups;
  std::optional<std::size_t> narrow;
  for (std::uint32_t place = 0; place < schema.columns.size(); ++place) {
    const auto& column = schema.columns[place];
    const bool is_wide =
        column.kind == ColumnKind::kBinary ||
        (column.kind == ColumnKind::kTensor && column.sample_bytes() > kNarrowBytesMax);
    if (!is_wide && narrow) {
      groups[*narrow].push_back(place);
      continue;
    }
    if (!is_wide) narrow = groups.size();
    groups.push_back({place});
  }
  return groups;
}

std::vector<ColumnPlaces> named_groups(const Schema& schema,
                                       const std::vector<std::vector<std::string>>& groups) {
  std::vector<ColumnPlaces> found;
  std::vector<bool> seen(schema.columns.size(), false);
  for (const auto& names : groups) {
    if (names.empty()) throw Error(ErrorCode::kInvalidArgument, "a column group has no column");
    for (const auto& name : names) {
      const std::size_t place = schema.index_of(name);
      if (seen[place]) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("column {} stands twice in the column groups", name));
      }
      seen[place] = true;
    }
    found.push_back(schema.places_of(names));
  }
  ColumnPlaces others;
  for (std::uint32_t place = 0; place < seen.size(); ++place) {
    if (!seen[place]) others.push_back(place);
  }
  if (!others.empty()) found.push_back(std::move(others));
  std::ranges::sort(found);  // by their first columns
  return found;
}

const std::vector<std::uint32_t>& Manifest::rows_of(std::string_view split) const {
  return rows[static_cast<std::size_t>(std::ranges::find(splits, split) - splits.begin())];
}

std::uint64_t Manifest::new_lineage() const {
  Hasher hasher;
  const auto add = [&](const auto& numbers) {
    const std::uint64_t count = numbers.size();
    hasher.update(&count, sizeof(count));
    hasher.update(numbers.data(), count * sizeof(numbers[0]));
  };
  for (std::size_t i = 0; i < splits.size(); ++i) {
    add(splits[i]);
    add(rows[i]);
    for (std::uint32_t group = 0; group < groups.size(); ++group) {
      // However the chunks are cut into parts.
      for (const auto& part : parts) {
        if (part.split == splits[i] && part.group == group)
          hasher.update(part.chunk_hash.data(), part.chunk_hash.size() * sizeof(std::uint64_t));
      }
    }
  }
  return hasher.digest();
}

std::vector<SplitInfo> Manifest::split_infos() const {
  std::vector<SplitInfo> infos;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    SplitInfo info;
    info.name = splits[i];
    for (const auto samples : rows[i]) info.samples += samples;
    for (const auto& part : parts) {
      if (part.split != info.name) continue;
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
    if (!std::ranges::binary_search(groups[part.group], column)) continue;
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
    if (body_of(manifest) != body) throw Bad{std::string(kOtherForm)};
    return manifest;
  } catch (const Outdated& outdated) {
    throw Error(
        ErrorCode::kBadData,
        fmt::format("{}: the data set has format {}, of an older ringfeed, and this one reads "
                    "format {}; delete it with 'ringfeed delete', and ingest again",
                    where, outdated.format, kFormat));
  } catch (const Bad& error) {
    throw bad(error.what);
  } catch (const Error& error) {  // of the schema
    throw bad(error.what());
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
