// The dtypes of columns and of torch; tensors in messages.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/types.h>

#include <optional>
#include <ringfeed/schema.hpp>
#include <string>
#include <string_view>

namespace ringfeed {

torch::ScalarType torch_dtype_of(DType dtype);

/// None: no column can have it.
std::optional<DType> dtype_of(torch::ScalarType type);

/// "float32".
inline std::string_view dtype_name(torch::ScalarType type) {
  return c10::getDtypeNames(type).first;
}

/// "[2, 3]".
inline std::string shape_text(const torch::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes().vec(), ", "));
}

}  // namespace ringfeed
