// Who keeps whose memory.
#include "arrays.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include <memory>
#include <ringfeed/error.hpp>
#include <utility>

namespace ringfeed::python {
namespace {

nb::dlpack::dtype foreign_of(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(dtype));
  const auto make = [&](nb::dlpack::dtype_code code) {
    return nb::dlpack::dtype{static_cast<std::uint8_t>(code), bits, 1};
  };
  switch (dtype) {
    case DType::kUInt8:
      return make(nb::dlpack::dtype_code::UInt);
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
      return make(nb::dlpack::dtype_code::Int);
    case DType::kFloat16:
    case DType::kFloat32:
    case DType::kFloat64:
      return make(nb::dlpack::dtype_code::Float);
    case DType::kBool:
      return make(nb::dlpack::dtype_code::Bool);
  }
  return make(nb::dlpack::dtype_code::UInt);
}

constexpr DType kDTypes[] = {DType::kUInt8,   DType::kInt8,    DType::kInt16,
                             DType::kInt32,   DType::kInt64,   DType::kFloat16,
                             DType::kFloat32, DType::kFloat64, DType::kBool};

/// Of a framework of nanobind's; a DLPack capsule of none.
template <typename... Framework>
nb::object array_of(void* data, const std::vector<std::size_t>& shape, DType dtype,
                    const std::shared_ptr<void>& owner) {
  auto kept = std::make_unique<std::shared_ptr<void>>(owner);
  const nb::capsule capsule(kept.get(), [](void* pointer) noexcept {
    delete static_cast<std::shared_ptr<void>*>(pointer);
  });
  static_cast<void>(kept.release());
  return nb::cast(nb::ndarray<Framework...>(data, shape.size(), shape.data(), capsule, nullptr,
                                            foreign_of(dtype)));
}

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

Array array_from(const std::string& name, nb::handle object) {
  Array array;
  if (nb::try_cast(object, array)) return array;
  throw Error(ErrorCode::kInvalidArgument,
              "column '" + name + "': it must be a C-contiguous array in the memory of the CPU");
}

/// Keeps the array; it may be let go of on any thread.
std::shared_ptr<void> owner_of(Array array) {
  return {new Array(std::move(array)), [](void* pointer) {
            const nb::gil_scoped_acquire gil;
            delete static_cast<Array*>(pointer);
          }};
}

DType dtype_of(const std::string& name, const Array& array) {
  for (const auto dtype : kDTypes) {
    if (array.dtype() == foreign_of(dtype)) return dtype;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "column '" + name +
                  "': a data set cannot hold this dtype; cast it to one of bool, "
                  "uint8, int8, int16, int32, int64, float16, float32, float64");
}

Column column_of(std::int64_t size, const nb::tuple& parts) {
  Column column;
  column.name = nb::cast<std::string>(parts[0]);
  column.kind = kind_from_name(nb::cast<std::string>(parts[1])).value();
  Array values = array_from(column.name, parts[2]);
  column.dtype = dtype_of(column.name, values);
  for (std::size_t i = 0; i < values.ndim(); ++i)
    column.shape.push_back(static_cast<std::int64_t>(values.shape(i)));
  column.data = const_cast<void*>(values.data());
  column.bytes = values.nbytes();
  column.owner = owner_of(std::move(values));
  const std::int64_t rows = column.shape.empty() ? -1 : column.shape[0];
  if (column.kind == ColumnKind::kTensor) {
    if (rows == size) return column;
    throw Error(ErrorCode::kInvalidArgument, "column '" + column.name + "' has " +
                                                 std::to_string(rows) + " samples, others have " +
                                                 std::to_string(size) +
                                                 "; the first dimension of each is the samples");
  }
  Array offsets = array_from(column.name, parts[3]);
  column.offsets = static_cast<const std::int64_t*>(offsets.data());
  column.owner = std::make_shared<std::pair<std::shared_ptr<void>, std::shared_ptr<void>>>(
      column.owner, owner_of(std::move(offsets)));
  return column;
}

}  // namespace

nb::dict arrays_of(const Batch& batch, nb::handle from_dlpack) {
  nb::dict columns;
  for (const auto& column : batch.columns) {
    const std::vector<std::size_t> shape(column.shape.begin(), column.shape.end());
    const nb::str name(column.name.data(), column.name.size());
    if (column.kind != ColumnKind::kTensor) {
      columns[name] =
          nb::make_tuple(array_of<nb::numpy>(column.data, shape, column.dtype, column.owner),
                         array_of<nb::numpy>(const_cast<std::int64_t*>(column.offsets),
                                             {static_cast<std::size_t>(batch.size) + 1},
                                             DType::kInt64, column.owner));
    } else if (from_dlpack.is_none()) {
      columns[name] = array_of<nb::numpy>(column.data, shape, column.dtype, column.owner);
    } else {
      columns[name] = from_dlpack(array_of<>(column.data, shape, column.dtype, column.owner));
    }
  }
  return columns;
}

Batch batch_of(std::int64_t size, const nb::list& columns) {
  Batch batch;
  batch.size = batch.global_size = size;
  for (const auto& parts : columns)
    batch.columns.push_back(column_of(size, nb::cast<nb::tuple>(parts)));
  return batch;
}

}  // namespace ringfeed::python
