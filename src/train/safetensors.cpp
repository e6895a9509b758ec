// Eight bytes of header length, a JSON header, the tensors one behind the other.
#include "train/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>
#include <stdexcept>
#include <utility>

#include "base/file.hpp"
#include "base/json.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kAlignment = 8;
constexpr std::uint64_t kDimensionMax = std::uint64_t{1} << 40;

const char* format_name(DType dtype) {
  switch (dtype) {
    case DType::kUInt8:
      return "U8";
    case DType::kInt8:
      return "I8";
    case DType::kInt16:
      return "I16";
    case DType::kInt32:
      return "I32";
    case DType::kInt64:
      return "I64";
    case DType::kFloat16:
      return "F16";
    case DType::kFloat32:
      return "F32";
    case DType::kFloat64:
      return "F64";
    case DType::kBool:
      return "BOOL";
  }
  throw Error(ErrorCode::kInternal, "a dtype that safetensors has no name for");
}

DType dtype_of(const std::string& tensor, std::string_view name) {
  for (const auto dtype : {DType::kUInt8, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64,
                           DType::kFloat16, DType::kFloat32, DType::kFloat64, DType::kBool}) {
    if (name == format_name(dtype)) return dtype;
  }
  throw std::invalid_argument(tensor + " has a dtype that is not taken; save it as F32 or F64");
}

std::vector<std::int64_t> shape_of(const nlohmann::json& json, const std::string& name) {
  std::vector<std::int64_t> shape;
  if (!json.is_array()) throw std::invalid_argument(name + " has no shape");
  for (const auto& dimension : json)
    shape.push_back(
        static_cast<std::int64_t>(whole_number(dimension, name + "'s shape", kDimensionMax)));
  return shape;
}

/// Each byte of `data` is one tensor's.
void check_no_gaps(std::vector<NamedTensor> tensors, std::string_view data) {
  std::ranges::sort(tensors, {}, [](const NamedTensor& tensor) {
    return std::pair(static_cast<const char*>(tensor.data), tensor.bytes);
  });
  const char* at = data.data();
  for (const auto& tensor : tensors) {
    if (tensor.data != at) throw std::invalid_argument(tensor.name + " is not where it should be");
    at += tensor.bytes;
  }
  if (at != data.data() + data.size())
    throw std::invalid_argument("there are bytes that are no tensor's");
}

std::string header_of(const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::size_t offset = 0;
  for (const auto& tensor : tensors) {
    header[tensor.name] = {{"dtype", format_name(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes}}};
    offset += tensor.bytes;
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  std::string prefix;
  for (int byte = 0; byte < 8; ++byte)
    prefix.push_back(static_cast<char>(std::uint64_t{text.size()} >> (8 * byte)));
  return prefix + text;
}

}  // namespace

void write_safetensors(const std::string& path, std::vector<NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  // The widest elements first: then every tensor is aligned to its own.
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const NamedTensor& left, const NamedTensor& right) {
                     return size_of(left.dtype) > size_of(right.dtype);
                   });
  replace_file(path, [&](File& file) {
    file.write(header_of(tensors, metadata));
    for (const auto& tensor : tensors) {
      file.write({static_cast<const char*>(tensor.data), tensor.bytes});
    }
  });
}

std::vector<NamedTensor> read_safetensors(std::string_view bytes) {
  try {
    constexpr std::size_t kPrefix = 8;
    if (bytes.size() < kPrefix) throw std::invalid_argument("it is cut off");
    std::uint64_t length = 0;
    for (std::size_t byte = kPrefix; byte > 0; --byte)
      length = length << 8 | static_cast<unsigned char>(bytes[byte - 1]);
    if (length > bytes.size() - kPrefix) throw std::invalid_argument("the header is cut off");
    const auto header = parse_json(bytes.substr(kPrefix, length));
    if (!header.is_object()) throw std::invalid_argument("the header is no object");
    const std::string_view data = bytes.substr(kPrefix + length);
    std::vector<NamedTensor> tensors;
    for (const auto& [name, tensor] : header.items()) {
      if (name == "__metadata__") continue;
      const auto& offsets = tensor.at("data_offsets");
      const auto begin = whole_number(offsets.at(0), name + "'s offset", data.size());
      const auto end = whole_number(offsets.at(1), name + "'s end", data.size());
      const auto dtype = dtype_of(name, tensor.at("dtype").get<std::string>());
      auto shape = shape_of(tensor.at("shape"), name);
      std::size_t size = size_of(dtype);
      for (const auto dimension : shape) {
        if (__builtin_mul_overflow(size, static_cast<std::size_t>(dimension), &size))
          throw std::invalid_argument(name + " is larger than memory");
      }
      if (begin > end || size != end - begin)
        throw std::invalid_argument(name + " is not of its shape's size");
      tensors.push_back({name, dtype, std::move(shape), data.data() + begin, size});
    }
    check_no_gaps(tensors, data);
    return tensors;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kBadData, fmt::format("not a safetensors file ({})", json_fault(error)));
  }
}

}  // namespace ringfeed
