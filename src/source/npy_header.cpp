// The header is a Python dict literal; only what numpy.lib.format itself writes is taken.
#include "source/npy_header.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <ringfeed/error.hpp>
#include <string>
#include <string_view>

#include "dataset/chunk.hpp"
#include "source/bad_records.hpp"

namespace ringfeed {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
/// One more than a tensor column may have.
constexpr std::size_t kNpyDimensionsMax = 17;

[[noreturn]] void throw_bad_npy(std::string_view what, std::string_view remedy) {
  throw Error(ErrorCode::kBadData, fmt::format("{}; {}", what, remedy));
}

[[noreturn]] void throw_bad_header(std::string_view what) {
  throw_bad_npy(fmt::format("the npy header is wrong: {}", what),
                "write the file again with numpy.save");
}

/// What the dict says, not yet judged.
struct Fields {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// Recursive descent without recursion: a dict of three keys has no depth.
class LiteralParser {
 public:
  explicit LiteralParser(std::string_view text) : rest_(text) {}

  Fields parse() {
    Fields fields;
    expect('{');
    while (!take('}')) {
      const auto key = text();
      expect(':');
      if (key == "descr" && !fields.descr) {
        fields.descr = descr();
      } else if (key == "fortran_order" && !fields.fortran_order) {
        fields.fortran_order = boolean();
      } else if (key == "shape" && !fields.shape) {
        fields.shape = shape();
      } else {
        throw_bad_header(fmt::format("the key {} is unknown or stands twice", in_quotes(key)));
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!rest_.empty()) throw_bad_header("there is something after the closing brace");
    return fields;
  }

 private:
  void skip_space() {
    const auto begin = rest_.find_first_not_of(" \t\n\r");
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
  }

  bool take(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char c) {
    if (!take(c)) throw_bad_header(fmt::format("'{}' is missing before {}", c, in_quotes(rest_)));
  }

  std::string text() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    const auto end = quote == '\'' || quote == '"' ? rest_.find(quote, 1) : std::string_view::npos;
    if (end == std::string_view::npos)
      throw_bad_header(fmt::format("a text in quotes is due before {}", in_quotes(rest_)));
    std::string result(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return result;
  }

  std::string descr() {
    skip_space();
    if (!rest_.empty() && rest_.front() == '[') {
      throw_bad_npy("the array has a structured dtype, which cannot be held",
                    "save each field as an npy file of its own");
    }
    return text();
  }

  bool boolean() {
    skip_space();
    for (const auto& [word, value] :
         {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return value;
    }
    throw_bad_header(fmt::format("True or False is due before {}", in_quotes(rest_)));
  }

  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> result;
    expect('(');
    while (!take(')')) {
      skip_space();
      std::int64_t dimension = 0;
      const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), dimension);
      if (parsed.ec != std::errc() || dimension < 0) {
        throw_bad_header(fmt::format("a dimension is due before {}", in_quotes(rest_)));
      }
      rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
      if (!rest_.empty() && rest_.front() == 'L')
        rest_.remove_prefix(1);  // Python 2 wrote long integers so
      if (result.size() == kNpyDimensionsMax)
        throw_bad_header(fmt::format("more than {} dimensions", kNpyDimensionsMax));
      result.push_back(dimension);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return result;
  }

  std::string_view rest_;
};

struct NamedFormat {
  std::string_view code;
  RawFormat format;
};
constexpr std::array<NamedFormat, 11> kFormats = {{
    {"u1", {DType::kUInt8, 1}},
    {"i1", {DType::kInt8, 1}},
    {"i2", {DType::kInt16, 2}},
    {"i4", {DType::kInt32, 4}},
    {"i8", {DType::kInt64, 8}},
    {"f2", {DType::kFloat16, 2}},
    {"f4", {DType::kFloat32, 4}},
    {"f8", {DType::kFloat64, 8}},
    {"b1", {DType::kBool, 1}},
    {"u2", {DType::kInt32, 2, false, true}},
    {"u4", {DType::kInt64, 4, false, true}},
}};

RawFormat format_of(std::string_view descr) {
  if (descr.size() > 1) {
    const char order = descr.front();
    for (const auto& [code, format] : kFormats) {
      if (descr.substr(1) != code) continue;
      if (order != '<' && order != '>' && !(order == '|' && format.item_bytes == 1)) break;
      RawFormat result = format;
      result.big_endian = order == '>' && format.item_bytes > 1;
      return result;
    }
  }
  throw_bad_npy(
      fmt::format("the dtype {} cannot be held", in_quotes(descr)),
      "save it as bool, uint8, uint16, uint32, int8, int16, int32, int64, float16, float32 "
      "or float64, e.g. "
      "numpy.save(path, x.astype('float32'))");
}

/// The dict's text; data_offset is set.
std::string_view header_text(std::span<const std::byte> start, RawArray& header) {
  const std::string_view bytes(reinterpret_cast<const char*>(start.data()), start.size());
  if (!bytes.starts_with(kMagic))
    throw_bad_npy("this is not an npy file", "check the name, or write it with numpy.save");
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (bytes.size() < 10) throw_bad_header("it is cut off");
  const auto major = byte(6);
  if (major < 1 || major > 3 || byte(7) != 0) {
    throw_bad_npy(fmt::format("npy version {}.{} is not known", major, byte(7)),
                  "write the file again with numpy.save");
  }
  std::size_t prefix = 10;
  std::size_t length = byte(8) | byte(9) << 8;
  if (major > 1) {
    prefix = 12;
    if (bytes.size() < prefix) throw_bad_header("it is cut off");
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (length > kNpyHeaderBytesMax - prefix) {
    throw_bad_header(
        fmt::format("it claims {} bytes, the limit is {}", length, kNpyHeaderBytesMax - prefix));
  }
  if (length > bytes.size() - prefix) {
    throw_bad_header(fmt::format("it claims {} bytes, but the file ends after {}", length,
                                 bytes.size() - prefix));
  }
  header.data_offset = prefix + length;
  return bytes.substr(prefix, length);
}

/// The size of a sample, and that the data has exactly the bytes that the header claims.
void check_size(RawArray& header, std::uint64_t file_bytes) {
  std::uint64_t sample_bytes = header.format.item_bytes;
  for (const auto dimension : header.shape) {
    if (dimension == 0)
      throw_bad_npy("the samples have no elements (a dimension is 0)",
                    "save an array with elements");
    if (static_cast<std::uint64_t>(dimension) > kSampleBytesMax / sample_bytes) {
      throw_bad_npy(fmt::format("a sample would have more than {} bytes, which is the limit",
                                kSampleBytesMax),
                    "make samples smaller; the first dimension of an npy file counts the samples");
    }
    sample_bytes *= static_cast<std::uint64_t>(dimension);
  }
  header.sample_bytes = sample_bytes;
  const std::uint64_t there = file_bytes - std::min(file_bytes, header.data_offset);
  const auto samples = static_cast<std::uint64_t>(header.samples);
  if (samples > there / sample_bytes) {
    throw_bad_npy(
        fmt::format("the header claims {} samples of {} bytes, but only {} bytes follow: the "
                    "file is cut off",
                    samples, sample_bytes, there),
        "fetch or write it again");
  }
  if (samples * sample_bytes != there) {
    throw_bad_npy(fmt::format("{} bytes follow the data that the header claims",
                              there - samples * sample_bytes),
                  "write one array to one file");
  }
}

}  // namespace

RawArray parse_npy_header(std::span<const std::byte> start, std::uint64_t file_bytes) {
  RawArray header;
  const auto fields = LiteralParser(header_text(start, header)).parse();
  if (!fields.descr || !fields.fortran_order || !fields.shape) {
    throw_bad_header("descr, fortran_order or shape is missing");
  }
  header.format = format_of(*fields.descr);
  if (fields.shape->empty()) {
    throw_bad_npy("the array has no dimensions, but the first one counts the samples",
                  "save an array with samples");
  }
  if (*fields.fortran_order && fields.shape->size() > 1) {
    throw_bad_npy("the array is in Fortran order, in which no sample is in one piece",
                  "save it with numpy.save(path, numpy.ascontiguousarray(x))");
  }
  header.samples = fields.shape->front();
  header.shape.assign(fields.shape->begin() + 1, fields.shape->end());
  check_size(header, file_bytes);
  return header;
}

}  // namespace ringfeed
