// Writes and reads the safetensors format (https://github.com/huggingface/safetensors#format).
// Without torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ringfeed {

struct NamedTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<std::int64_t> shape;
  const void* data = nullptr;  ///< contiguous, little-endian
  std::size_t bytes = 0;
};

/// Durably and whole or not at all: a temporary file beside it, synced and renamed. The same
/// arguments give the same bytes. Errors: those of the file system.
void write_safetensors(const std::string& path, std::vector<NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata);

/// The tensors point into `bytes`; they lie there one behind the other, with nothing between them.
/// Throws Error{kBadData} for bytes that write_safetensors() does not write; the caller names the
/// file.
std::vector<NamedTensor> read_safetensors(std::string_view bytes);

}  // namespace ringfeed
