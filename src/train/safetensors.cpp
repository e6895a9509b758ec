// Eight bytes of header length, a JSON header, the tensors one behind the other.
#include "train/safetensors.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ringfeed/error.hpp>

#include "base/file.hpp"

namespace ringfeed {
namespace {

constexpr std::size_t kAlignment = 8;

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

}  // namespace ringfeed
