// Columns as tensors, without a copy; their dtypes.
#include <fmt/format.h>
#include <torch/types.h>

#include <array>
#include <ringfeed/error.hpp>
#include <ringfeed/torch.hpp>
#include <utility>

#include "train/tensor_dtype.hpp"

namespace ringfeed {
namespace {

constexpr std::array<std::pair<DType, torch::ScalarType>, 9> kDTypes = {
    {{DType::kUInt8, torch::kUInt8},
     {DType::kInt8, torch::kInt8},
     {DType::kInt16, torch::kInt16},
     {DType::kInt32, torch::kInt32},
     {DType::kInt64, torch::kInt64},
     {DType::kFloat16, torch::kFloat16},
     {DType::kFloat32, torch::kFloat32},
     {DType::kFloat64, torch::kFloat64},
     {DType::kBool, torch::kBool}}};

}  // namespace

torch::ScalarType torch_dtype_of(DType dtype) {
  for (const auto& [ours, theirs] : kDTypes) {
    if (ours == dtype) return theirs;
  }
  throw Error(ErrorCode::kInternal, "a dtype without a torch dtype");
}

std::optional<DType> dtype_of(torch::ScalarType type) {
  for (const auto& [ours, theirs] : kDTypes) {
    if (theirs == type) return ours;
  }
  return std::nullopt;
}

torch::Tensor to_tensor(const Column& column) {
  if (column.kind != ColumnKind::kTensor) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("column '{}' is not a tensor: its samples differ in length", column.name));
  }
  return torch::from_blob(
      column.data, column.shape, [owner = column.owner](void*) {},
      torch::TensorOptions(torch_dtype_of(column.dtype)));
}

Column to_column(std::string name, const torch::Tensor& tensor) {
  const auto dtype = dtype_of(tensor.scalar_type());
  if (tensor.dim() == 0 || !dtype) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("column '{}': a tensor {} of {} is no column; its first dimension is "
                            "the samples, and its dtype one of docs/format.md",
                            name, shape_text(tensor), dtype_name(tensor.scalar_type())));
  }
  auto held = std::make_shared<torch::Tensor>(tensor.detach().cpu().contiguous());
  Column column;
  column.name = std::move(name);
  column.dtype = *dtype;
  column.shape = held->sizes().vec();
  column.data = held->data_ptr();
  column.bytes = held->nbytes();
  column.owner = std::move(held);
  return column;
}

}  // namespace ringfeed
