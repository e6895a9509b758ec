// The dtypes of columns and of torch.
#pragma once

#include <torch/types.h>

#include <optional>
#include <ringfeed/schema.hpp>

namespace ringfeed {

torch::ScalarType torch_dtype_of(DType dtype);

/// None: no column can have it.
std::optional<DType> dtype_of(torch::ScalarType type);

}  // namespace ringfeed
