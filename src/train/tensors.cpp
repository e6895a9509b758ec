// Columns as tensors, without a copy.
#include <fmt/format.h>
#include <torch/types.h>

#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>

namespace ringfeed {
namespace {

torch::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kUInt8:
      return torch::kUInt8;
    case DType::kInt8:
      return torch::kInt8;
    case DType::kInt16:
      return torch::kInt16;
    case DType::kInt32:
      return torch::kInt32;
    case DType::kInt64:
      return torch::kInt64;
    case DType::kFloat16:
      return torch::kFloat16;
    case DType::kFloat32:
      return torch::kFloat32;
    case DType::kFloat64:
      return torch::kFloat64;
    case DType::kBool:
      return torch::kBool;
  }
  throw Error(ErrorCode::kInternal, "a dtype without a torch dtype");
}

}  // namespace

torch::Tensor to_tensor(const Column& column) {
  if (column.kind != ColumnKind::kTensor) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("column '{}' is not a tensor: its samples differ in length", column.name));
  }
  return torch::from_blob(
      column.data, column.shape, [owner = column.owner](void*) {},
      torch::TensorOptions(scalar_type(column.dtype)));
}

}  // namespace ringfeed
